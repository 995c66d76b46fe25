// Builds the scripts that pages load, from sources beside them: the panel's module nbfeatviz/widgets/static/panel.js, and
// nbfeatviz/catalogue/site_page/static/site.js, a classic script, as a page opened from a disk loads no module.
//
//   node build.js           builds them
//   node build.js --watch   builds them again whenever a source changes
//   node build.js --check   fails where they are not what the sources build

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import esbuild from "esbuild";

const packaged = fileURLToPath(new URL("../../nbfeatviz/", import.meta.url));
const UNKNOWN = "version-to-be-computed";

const shared = { bundle: true, minify: true, target: "es2022", charset: "utf8", write: false };
const PAGES = [
  {
    target: `${packaged}widgets/static/panel.js`,
    options: {
      ...shared,
      entryPoints: [`${packaged}widgets/panel.js`],
      format: "esm",
      define: { PANEL_VERSION: JSON.stringify(UNKNOWN) },
    },
    finished: versioned,
  },
  {
    target: `${packaged}catalogue/site_page/static/site.js`,
    options: { ...shared, entryPoints: [`${packaged}catalogue/site_page/site.js`], format: "iife" },
    finished: (/** @type {string} */ text) =>
      `/* nbfeatviz: built from nbfeatviz/catalogue/site_page/site.js */\n${text}`,
  },
];

/** The module's text, with a version that its content gives it. comm/frontend.py reads the first line. */
function versioned(text) {
  const version = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const head = `/* nbfeatviz panel ${version}: built from nbfeatviz/widgets/panel.js, see CONTRIBUTING.md */`;
  return `${head}\n${text.replaceAll(UNKNOWN, version)}`;
}

async function save({ target }, text) {
  if (text === (await readFile(target, "utf8").catch(() => ""))) return;
  await writeFile(target, text);
  console.log(`${target}: ${(Buffer.byteLength(text) / 1000).toFixed(1)} kB`);
}

const built = (page, { outputFiles: [{ text }] }) => page.finished(text);

for (const page of PAGES) {
  if (process.argv.includes("--watch")) {
    const saving = {
      name: "save",
      setup: (build) => build.onEnd((result) => (result.errors.length ? undefined : save(page, built(page, result)))),
    };
    const context = await esbuild.context({ ...page.options, plugins: [saving], logLevel: "info" });
    await context.watch();
    continue;
  }
  const text = built(page, await esbuild.build(page.options));
  if (!process.argv.includes("--check")) await save(page, text);
  else if (text !== (await readFile(page.target, "utf8").catch(() => ""))) {
    console.error(
      `${page.target} is not what the sources build: run \`npm --prefix scripts/js run build\` and commit it.`,
    );
    process.exitCode = 1;
  }
}
