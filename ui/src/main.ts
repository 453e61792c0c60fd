import { mount } from "svelte";
import App from "./App.svelte";
import { connect } from "$lib/backend";
import "./styles/app.css";

const target = document.getElementById("app");
if (target) mount(App, { target, props: { backend: await connect() } });
