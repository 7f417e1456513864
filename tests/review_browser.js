// What a reviewer does, in a real browser: come in, draw, look, make a rule, reject by keyboard.
// node review_browser.js URL FOLDER_OF_SCREENSHOTS CHROMIUM
"use strict";

const assert = require("node:assert");
const { chromium } = require("playwright-core");

(async () => {
  const [url, shots, executablePath] = process.argv.slice(2);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  const problems = [], elsewhere = [];
  page.on("console", (said) => { if (said.type() === "error") problems.push(said.text()); });
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (asked) => {
    if (!asked.url().startsWith(new URL(url).origin) && !asked.url().startsWith("data:")) {
      elsewhere.push(asked.url());
    }
  });

  await page.goto(url);
  assert.match(await page.textContent("h1"), /Held: 3/);
  await page.screenshot({ path: `${shots}/review-inbox.png` });

  await page.click("text=sort by device");
  await page.locator("tr", { hasText: "Model 7" }).locator("a").first().click();
  await page.waitForURL(/held/);
  const box = await page.locator("#drawn").boundingBox();
  await page.mouse.move(box.x + 1, box.y + 1);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 4, { steps: 4 });
  await page.mouse.up();
  assert.match(await page.inputValue("#boxes"), /^\d+,\d+,\d+,\d+$/);
  assert.strictEqual(await page.locator("#drawn rect").count(), 1);

  await page.keyboard.press("b");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("0,0,160,40");
  await page.keyboard.press("Enter");
  await page.waitForURL(/boxes=/);
  assert.match(await page.textContent("#verdict"), /would be sent/);
  assert.strictEqual(await page.locator("figure img").count(), 2);
  await page.screenshot({ path: `${shots}/review-image.png` });

  await page.click("#device");
  assert.strictEqual(await page.locator("figure img").count(), 2);
  await page.screenshot({ path: `${shots}/review-device.png` });
  await page.click("#rule");
  assert.match(await page.textContent("[role=status]"), /2 waiting/);
  assert.match(await page.textContent("h1"), /Held: 1/);

  await page.locator("table a").first().click();
  await page.waitForURL(/held/);
  await page.keyboard.press("r");
  await page.waitForSelector("text=Held: 0");
  await browser.close();
  assert.deepStrictEqual(problems, []);
  assert.deepStrictEqual(elsewhere, []);
})().catch((error) => { console.error(error); process.exit(1); });
