// Commands that a person copies into a shell.
//
//     look, grade_panel -> [shell] -> clipboard -> sh
//
// The names of models and classes come from bundles, which strangers may have made: a shell must not read them as
// commands. The one place that puts text into a command.

const PLAIN = /^[\w@%+=:,./-]+$/;

/** A command line of these words: each reaches the program as it is, whatever is in it. */
export function commandLine(...words) {
  return words.map(quoted).join(" ");
}

function quoted(word) {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
