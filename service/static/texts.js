// Every text that JavaScript shows, in one place and by view, so that the page can be translated.
//
//     [texts] -> all modules
//
// Strings, and small functions that put values into a sentence. The texts that never change are in index.html. Knows
// neither elements nor requests.

const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
const short = version => version.slice(0, 6);
const count = value => value.toLocaleString("en");
const brief = value => new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3}).format(value);
const time = seconds => (seconds < 90 ? `about ${plural(Math.max(1, Math.round(seconds)), "second", "seconds")}`
  : seconds < 5400 ? `about ${Math.round(seconds / 60)} minutes` : `about ${(seconds / 3600).toFixed(1)} hours`);
const number = value => (
  Math.abs(value) < 1000 ? Number(value.toPrecision(3)) : Math.round(value)).toLocaleString("en", {maximumFractionDigits: 9});
const percent = share => `${(100 * share).toFixed(1).replace(".0", "")} %`;
const large = count => (count < 1e6 ? number(count) : `${number(count / 1e6)} million`);
const size = bytes => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const kinds = {
  gan: "A GAN", autoencoder: "An autoencoder", denoising: "A denoising autoencoder", variational: "A variational autoencoder",
  rated: "Fine-tuning with grades",
};

export const texts = {
  page: {
    title: view => `Zoetrope · ${view[0].toUpperCase()}${view.slice(1)}`,
    tryingAgain: (message, missing) => (
      `${message} Trying again…${missing.length ? ` Missing: ${missing.join(", ")}.` : ""}`),
    newVersion: (name, version) => `A new version of ${name} is here: ${short(version)}.`,
    shown: (view, model) => `${view[0].toUpperCase()}${view.slice(1)}, ${model}`,
    earlierVersion: (name, version) => `${name}, earlier: ${short(version)}`,
  },

  service: {
    noAnswer: "The service does not answer. Is it running, and is there a connection to it?",
    answered: (status, words) => `The service answered ${status} ${words}.`,
    asksForKey: "The service asks for a key.",
  },

  // What does not come while a request is tried again, by the first step of its path.
  missing: {
    pictures: "pictures", generate: "pictures", decode: "pictures", interpolate: "frames", models: "models",
    ratings: "grades", rounds: "rounds", runs: "runs", "run-requests": "runs", module: "a part of the page",
  },

  start: {
    lead: (name, pictures) => (pictures
      ? `Here ${name}: it has seen ${pictures.toLocaleString("en")} pictures, and draws new ones like them.`
      : `Here ${name}: it has seen many pictures, and draws new ones like them.`),
    play: "Play",
    pause: "Pause",
    alt: name => `Pictures of ${name} that turn into each other`,
  },

  display: {
    size: percent => `${percent} %`,
    sizeIs: percent => `Pictures at ${percent} % of their usual size`,
    smooth: "Enlarged pictures are smooth",
    sharp: "Enlarged pictures have sharp pixels",
    fullScreen: "Full screen",
    leaveFullScreen: "Leave full screen",
    notFullScreen: "The browser does not allow full screen here.",
  },

  refused: {
    heading: (count, shown) => {
      const more = count > shown ? `; the first ${shown} of them, and all under /status` : "";
      return `${count === 1 ? "A model is" : `${count} models are`} refused${more}:`;
    },
    reason: (reason, served) => `: ${reason}${served ? ` Version ${short(served)} is drawn meanwhile.` : ""}`,
  },

  address: {
    notInteger: (what, found, largest) => (
      `The ${what} is “${found}”. It must be a whole number from 0 to ${largest}.`),
    notCode: found => `The link has the code “${found}…”. It must be numbers from -100 to 100, with commas between.`,
    notTruncation: found => `The truncation is “${found}”. It must be a number from 0 to 2.`,
  },

  look: {
    anyClass: "any",
    loaded: (n, seed) => `${n} pictures of seed ${seed}`,
    alt: (index, label) => `Picture ${index}${label === undefined ? "" : `, ${label}`}`,
  },

  picture: {
    title: (index, seed) => `Picture ${index} of seed ${seed}`,
    facts: {model: "Model", class: "Class", truncation: "Truncation"},
    modelVersion: (model, version) => `${model}, version ${version}`,
    walkTo: index => `Walk to picture ${index}`,
    added: count => `The walk has ${plural(count, "picture", "pictures")} now.`,
    copied: "The link is copied.",
    notCopied: "The browser does not allow copying; the link is above.",
  },

  nearest: {
    verdict: (likeness, farther, {near}) => `${{
      copy: "It is a copy of a training picture.",
      near: "It may be a copy of a training picture: look at both.",
      new: "By its pixels it is no copy.",
    }[likeness]} Its nearest training picture is closer than ${percent(farther)} of real pictures that the model never saw are to `
      + `theirs${near === null ? ", and of those too few are known to tell more" : ""}.`,
    note: ({median}) => (
      `Below each: how far its pixels are, as a root mean square in levels of 0 to 255. Of real pictures that the model never `
      + `saw, half are farther than ${median.toFixed(1)} from the nearest.`),
    drawn: "this one",
    drawnAlt: "The picture that was drawn",
    levels: levels => levels.toFixed(1),
    alt: (number, mirrored) => `Training picture ${number}${mirrored ? ", mirrored" : ""}`,
  },

  ownPicture: {
    encoding: "Finding its code…",
    found: psnr => (
      `The large picture is what the model makes of yours, ${psnr < 15 ? "hardly" : psnr < 22 ? "roughly" : "much"} like it `
      + `(${psnr.toFixed(1)} dB). Move it, or walk from it.`),
    unreadable: name => `${name} is no picture that this browser can read. PNG, JPEG and WebP are.`,
  },

  walk: {
    play: "Play",
    pause: "Pause",
    needsTwo: "A walk needs two pictures: add another one here, or choose one in Look.",
    position: (percent, from, to) => `${percent} % of the way from picture ${from} to picture ${to}`,
    point: (number, index, seed) => `picture ${number}, index ${index} of seed ${seed}`,
    ownPoint: number => `picture ${number}, of your own`,
    goTo: point => `Go to ${point}`,
    earlier: point => `Earlier: ${point}`,
    remove: point => `Remove ${point}`,
    later: point => `Later: ${point}`,
    drawing: "Drawing the animation…",
    saved: name => `Saved as ${name}.`,
    full: most => `A walk has up to ${most} pictures; remove one first.`,
  },

  grade: {
    continues: grader => `You continue where you stopped, as ${grader}.`,
    storedHere: message => (
      `${message} Your grades are stored in this browser and will be sent when the service answers again.`),
    needsKey: message => `${message} Your grades are stored in this browser. Enter a key to send them.`,
    refused: message => `${message} The last grades of this batch cannot be saved; start another one.`,
    newVersion: (name, version, before) => (
      `A new version of ${name} draws these pictures: ${short(version)}, after ${short(before)}.`),
    onItsWay: "The picture is still on its way, so nothing was graded.",
    outOfSight: "The picture was not in sight, so nothing was graded. Here it is.",
    elsewhere: "Graded in another window.",
    skipped: "Skipped",
    graded: score => `Graded ${score}`,
    undone: "Undone",
    announce: (action, next) => `${action}. ${next ?? "That was the last one."}`,
    gradeButton: score => `Grade ${score}`,
    alt: (number, label) => `Picture ${number}${label === undefined ? "" : `, ${label}`}`,
    altGraded: (alt, score) => `${alt}: ${score}`,
    progress: (number, count) => `${number} of ${count}`,
    finished: (graded, count) => `${graded} of ${count} pictures graded`,
    saved: "All grades are saved.",
    unsent: count => `${count} not sent yet.`,
    versionRow: (mean, grades, current) => (
      `${mean.toFixed(2)} in ${plural(grades, "grade", "grades")}${current ? ", current" : ""}`),
  },

  training: {
    silent: "Its trainer says nothing. If it is gone, the next one goes on from there in a minute.",
    waits: "It waits for a trainer.",
    resumes: "It waits for a trainer, which goes on from where it was.",
    stops: "It stops after the step at hand.",
    notCopied: "Not allowed here",
  },

  learn: {
    grader: (grader, grades) => `${grader}: ${plural(grades, "grade", "grades")}`,
    state({state, before, after, decision, cancels, progress: {run}}, choice) {
      if (cancels) return texts.training.stops;
      if (decision === "undone") return `Undone: ${short(before)} draws again.`;
      if (state === "done" && !choice) return "It has learned. The service takes up the new version…";
      if (choice === "past") return `It has learned ${short(after)}, and another version draws by now.`;
      if (decision === "kept") return `Kept: ${short(after)} draws now.`;
      if (after) return `It has learned: before, ${short(before)}, at the left; after, ${short(after)}, at the right.`;
      return {
        waiting: run ? texts.training.resumes : texts.training.waits,
        taken: "A trainer has taken it, and reads pictures and grades.",
        training: "It learns.",
        refused: "Refused; the model is as it was.",
        failed: "It failed; the model is as it was.",
        cancelled: "Cancelled; the model is as it was.",
      }[state];
    },
    progress: (shown, images, left) => (
      `${count(Math.min(shown, images))} of ${count(images)} images${left === null ? "" : `, ${time(left)} left`}`),
  },

  asked: {
    title: ({name, folder, minutes}) => `${name}: ${plural(minutes, "minute", "minutes")} on ${folder}`,
    state({state, stops, is_confirmed: isConfirmed, version, progress: {run}}) {
      if (stops) return texts.training.stops;
      if (state === "waiting" && run && isConfirmed) return texts.training.resumes;
      return {
        waiting: isConfirmed ? texts.training.waits : "It waits for a trainer, which plans it first.",
        taken: isConfirmed ? "A trainer has taken it." : "A trainer plans it: it reads the pictures and measures its speed.",
        planned: "This is the plan.",
        training: "It trains.",
        done: version && `It is done: version ${short(version)}.`,
        refused: "It was refused.",
        failed: "It failed. What was saved stays.",
        stopped: run ? "It was stopped, and is saved." : "It was not begun.",
      }[state];
    },
    confirm: "Train it",
    replace: "Replace it",
    decline: "Do not train it",
    stop: "Stop",
  },

  consistency: {
    none: "Some pictures are shown twice, to see how consistent your grades are. None was so far.",
    // Upper ends of the mean difference of two grades of a picture; random grades differ by a third.
    words: [
      [0.05, "hardly at all"], [0.15, "little"], [0.27, "quite a bit"],
      [Infinity, "about as much as random grades would"],
    ],
    found: (pairs, words, difference) => (
      `${pairs === 1 ? "One picture was" : `${pairs} pictures were`} shown to you again, and your two grades differ `
      + `${words}: by ${difference.toFixed(2)} on average.`),
  },

  share: {
    language: "Language",
    languages: {curl: "curl", python: "Python", javascript: "JavaScript (Node)"},
    code: "Code",
    copy: "Copy",
    copied: "Copied",
    notCopied: "The browser does not allow copying.",
    drawing: "Drawing the pictures…",
    saved: name => `Saved as ${name}.`,
    linkCopied: count => `A link to ${plural(count, "picture", "pictures")} is copied.`,
    count: count => `${plural(count, "picture", "pictures")} collected`,
    nothing: "Nothing is collected yet: open a picture in Look, and collect it.",
    picture: (index, seed, model) => `picture ${index} of seed ${seed}, ${model}`,
    remove: picture => `Remove ${picture}`,
    removed: count => `Removed; ${plural(count, "picture", "pictures")} left.`,
    collect: "Collect",
    collected: "Collected",
    added: count => `Collected; ${plural(count, "picture", "pictures")} now.`,
    kept: "They are in your collection now.",
    full: most => `A collection has up to ${most} pictures; remove some first.`,
    notPicture: found => `The link names “${found}”, which is no picture: model@version/seed/index is expected.`,
  },

  instrument: {
    direction: number => `Direction ${number}`,
    right: number => `Direction ${number}, to the right`,
    up: number => `Direction ${number}, upwards`,
    share: share => `${Math.round(100 * share)} %`,
    value: value => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`,
    weightOf: name => `Weight of ${name}`,
    weight: units => `${(units / 10).toFixed(1)} %`,
    oneClass: "Class",
    alt: (index, seed, isMoved) => `Picture ${index} of seed ${seed}${isMoved ? ", moved" : ""}`,
    ownAlt: isMoved => `What the model makes of your picture${isMoved ? ", moved" : ""}`,
    otherCode: (found, name, size) => `The link has a code of ${found} numbers, and ${name} takes ${size}.`,
    back: (index, seed) => `Back to picture ${index} of seed ${seed}`,
    noDirections: name => (
      `The directions of ${name} were not measured, so there is nothing to move it along but its classes, where it has `
      + `some. Where its bundle is: zoetrope benchmark ${name} --write`),
    undone: "Undone.",
    isReset: "This is the picture of the address again.",
    drawing: "Drawing the picture…",
    saved: name => `Saved as ${name}.`,
    copied: "Copied.",
    notCopied: "The browser does not allow copying.",
  },

  models: {
    number, percent, size, large, short,
    kinds: {...kinds, rated: "A generator that learned from grades"},
    colours: {1: "grey", 3: "colour"},
    scores: {
      fd_ratio: "FD ratio", precision: "precision", recall: "recall", class_agreement: "class agreement",
      usefulness: "usefulness to a classifier", leaks: "leaks",
    },
    score: (name, value) => `${name} ${value}`,
    versions: count => plural(count, "version", "versions"),
    sheet: (n, seed, name) => `The first ${n} pictures of seed ${seed}, drawn by ${name}`,
    picture: (index, name) => `Picture ${index} by ${name}`,
    ofClass: (name, at) => `${name}, picture ${at + 1}`,
    real: value => `real pictures ${value}`,
    interval: (low, high) => `${low} to ${high} with 95 % certainty`,
    tooFew: "too few test pictures to tell from real ones",
    estimate: ({value, low, high}) => `${percent(value)} (${percent(low)} to ${percent(high)})`,
    time: seconds => (seconds < 5400 ? plural(Math.max(1, Math.round(seconds / 60)), "minute", "minutes")
      : `${(seconds / 3600).toFixed(1)} hours`),
    ruler: {real: "real pictures", blurred: "blurred by 1 pixel", noise: "noise", here: "this model"},
    downloading: "Downloading…",
    downloaded: name => `Saved as ${name}. Unpacked into a folder of models, it is served.`,
    changing: "Changing the version…",
    changed: (name, version, served) => `${short(version)} is the current version of ${name} now${served ? "."
      : "; this service takes it up when it looks at its models again."}`,
  },

  compare: {
    name: (name, version) => `${name} ${short(version)}`,
    range: (first, last) => (first === last ? `Picture ${first}` : `Pictures ${first} to ${last}`),
    layer: (range, seed, name) => `${range} of seed ${seed}, drawn by ${name}`,
    wipe: left => `${left} % of the left, ${100 - left} % of the right`,
    loading: name => `Loading ${name}…`,
    same: "Left and right are the same version: choose another one to see a difference.",
    noClass: (name, label) => `${name} has no class ${label}, and draws its own.`,
    evaluators: "Different evaluators measured them, so their FD ratios do not compare.",
    ratio: (name, ratio) => `${name}: ${ratio === null ? "not evaluated" : `FD ratio ${number(ratio)}`}`,
  },

  runs: {
    states: {training: "Training", stopped: "Stopped", finished: "Finished"},
    state: ({state, verdict}) => (
      `${texts.runs.states[state]}${verdict && verdict !== state ? `: ${verdict}` : ""}`),
    about: ({run: {method, data}, preset, images, height, width, classes}) => (
      `${kinds[method] ?? method}${preset && `, preset ${preset}`}, from ${count(images)} pictures of `
      + `${width} × ${height} pixels${classes ? ` in ${plural(classes, "class", "classes")}` : ""} (${data}).`),
    progress: ({state, images_shown: shown, images_planned: planned, seconds, seconds_left: left}) => {
      const words = `${count(Math.min(shown, planned))} of ${count(planned)} images`; // the last step may go beyond
      if (state === "finished") return `${words}, in ${time(seconds)}`;
      if (left === null) return words;
      return `${words}, ${time(left)} ${state === "training" ? "left" : "were left"}`;
    },
    refused: (name, reason) => `The run ${name} cannot be shown: ${reason}.`,
    sheet: ({first, images_shown: shown}, parent) => {
      if (first) return `Before the first step: 256 codes through ${parent ? `the weights of ${parent}` : "random weights"}`;
      return shown === 0 ? "In the first thousand images" : `After ${count(shown / 1000)} thousand images`;
    },
    healing: ({images_shown: shown, returned_to: back, verdict, explanation, learning_rate: [rate], gamma: [gamma]}) => (
      `After ${count(shown)} images: ${verdict}. ${explanation} It went back to image ${count(back)}, and on with `
      + `learning rate ${brief(rate)} and gamma ${brief(gamma)}.`),
    play: "Play",
    pause: "Pause",
    charts: {
      d_loss: "Losses", g_loss: "Losses", d_wins: "Pairs ranked correctly", diversity: "Diversity (data: 1)",
      reconstruction: "Reconstruction error", kl: "KL divergence of the codes", augment_p: "Augmentation",
      overfitting: "Overfitting", near_share: "Copies of training pictures", near_limit: "Copies by chance",
      penalty: "Gradient penalty", images_per_second: "Images a second",
    },
    metrics: {
      d_loss: "discriminator", g_loss: "generator", augment_p: "probability", overfitting: "overfitting",
      near_share: "share", near_limit: "by chance",
    },
    chart: (title, curves) => `${title}. At the end: ${curves.map(({metric, values}) => (
      `${texts.runs.metrics[metric] ?? ""} ${brief(values.at(-1))}`.trim())).join(", ")}.`,
    short: value => brief(value),
  },
};
