// The page /models in a browser: every model that can draw.
//
//     GET /models -> [model_list] -> model_page

import {showError, showRefused} from "./alert.js";
import {fetchModels, fetchStatus} from "./api.js";
import {pageOf, showSheet, summaryOf} from "./model_summary.js";
import {instance} from "./template.js";
import {texts} from "./texts_models.js";

const SHEET_PICTURES = 16;
const list = document.querySelector(".cards");

async function render() {
  try {
    const {default: chosen, models} = await fetchModels();
    list.replaceChildren(...models.map(({card, versions}) => {
      const isDefault = card.name === chosen;
      const made = instance("card", {
        ...summaryOf(card), versions: texts.models.versions(versions.length), isDefault, unmeasured: card.scores.fd_ratio === null,
      });
      made.querySelector("a").href = pageOf(card.name);
      return made;
    }));
    await Promise.all([...list.querySelectorAll("img")].map((sheet, at) => showSheet(sheet, models[at].card, SHEET_PICTURES)));
  } catch (error) {
    showError(error);
  }
}

render();
fetchStatus().then(status => status && showRefused(status));
