import type { IconName } from "./icons";

/** A page of the side bar. */
export interface Place {
  page: string;
  href: string;
  label: string;
  icon: IconName;
  count?: number;
}
