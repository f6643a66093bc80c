// The secret rides in the fragment, which is never sent by itself: post it once, then forget it.
// On a page that is open already (its form is hidden), only what looks like a secret is one.
const form = document.querySelector("[data-open-with-fragment]");
function open() {
  const secret = location.hash.slice(1);
  if (!form || !secret || (form.hidden && !/^[\w-]{43}$/.test(secret))) return;
  history.replaceState(null, "", location.pathname);
  form.elements.secret.value = secret;
  form.submit();
}
addEventListener("hashchange", open);
open();
