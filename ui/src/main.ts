import { mount, unmount } from "svelte";
import App from "./App.svelte";
import { connect } from "$lib/backend";
import type { SignIn } from "$lib/backend/http";
import "./styles/app.css";

const target = document.getElementById("app");

const signIn: SignIn = async (door) => {
  const { default: Page } = await import("./views/SignIn.svelte");
  if (!target) return;
  await new Promise<void>((done) => {
    const page = mount(Page, { target, props: { door, ondone: () => void unmount(page).then(done) } });
  });
};

if (target) mount(App, { target, props: { backend: await connect(signIn) } });
