// Templates of a page, filled with values: a value is put in as text, never as markup.
//
//     model_list, model_page, model_versions -> [template] -> elements
//
// In a template {name} stands for a value; an element with data-if="name" is left out where that value is missing.

const isMissing = value => value === undefined || value === null || value === false || value === "";

/** What is in the template of this id, with these values. */
export function instance(id, values) {
  const made = document.getElementById(id).content.cloneNode(true);
  for (const one of made.querySelectorAll("[data-if]")) if (isMissing(values[one.dataset.if])) one.remove();
  const walker = document.createTreeWalker(made, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    walker.currentNode.data = walker.currentNode.data.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  }
  return made;
}
