// Says where the server is, before Streamlit looks for it: Streamlit (1.67) tries the address of a deep link first, and
// the browser notes two files that are not there. Run by the head of every page.
const base = new URL(document.currentScript.src).searchParams.get("base");
window.__streamlit = { BACKEND_BASE_URL: window.location.origin + base };
