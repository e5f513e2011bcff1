// Numbers in words: how texts write counts, shares, sizes and times; and the kinds of models.
//
//     [texts_numbers] -> texts, texts_grade, texts_models, texts_training

export const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;
export const count = value => value.toLocaleString("en");
export const brief = value => new Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3}).format(value);
export const time = seconds => (seconds < 90 ? `about ${plural(Math.max(1, Math.round(seconds)), "second", "seconds")}`
  : seconds < 5400 ? `about ${Math.round(seconds / 60)} minutes` : `about ${(seconds / 3600).toFixed(1)} hours`);
export const number = value => (
  Math.abs(value) < 1000 ? Number(value.toPrecision(3)) : Math.round(value)).toLocaleString("en", {maximumFractionDigits: 9});
export const percent = share => `${(100 * share).toFixed(1).replace(".0", "")} %`;
export const large = count => (count < 1e6 ? number(count) : `${number(count / 1e6)} million`);
export const size = bytes => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
export const kinds = {
  gan: "A GAN", autoencoder: "An autoencoder", denoising: "A denoising autoencoder", variational: "A variational autoencoder",
  rated: "Fine-tuning with grades",
};
