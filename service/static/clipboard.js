// Text into the clipboard, also on a page that came over plain HTTP, where browsers hide the proper way.
//
//     picture, grade -> [clipboard]

/** Was it copied? */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelecting(text);
  }
}

function copyBySelecting(text) {
  const field = Object.assign(document.createElement("textarea"), {value: text, readOnly: true, className: "unseen"});
  const before = document.activeElement;
  (before?.closest("dialog") ?? document.body).append(field); // outside of an open dialog nothing can be selected
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  before?.focus();
  return done;
}
