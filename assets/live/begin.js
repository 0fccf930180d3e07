// Run by the head of a page before anything else, with what it needs in its address: a page without a script of its own
// may forbid all scripts that are not files of this server.
import { begin } from "./ahead.js";

const asked = new URL(import.meta.url).searchParams;
begin(asked.get("base"), asked.get("parameter"), asked.get("preset"), asked.getAll("recorded"));
