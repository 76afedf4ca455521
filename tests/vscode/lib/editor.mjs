// VS Code as a user sees it: keys, clicks and what stands on the screen. Must not reach behind the page.

export class Editor {
  constructor(page, project) {
    this.page = page;
    this.project = project;
    this.keys = page.keyboard;
  }

  async ready() {
    await this.page.locator(".monaco-workbench .statusbar").waitFor({ timeout: 60_000 });
    await this.page.locator('.statusbar-item[id="interline.interline.interline.status"], .statusbar-item:has-text("Interline")').first().waitFor({ timeout: 60_000 });
  }

  /** Polls until `check` gives something true; its last value goes into the error. */
  async until(what, check, timeout = 20_000) {
    const end = Date.now() + timeout;
    let value;
    do {
      value = await check();
      if (value) return value;
      await this.page.waitForTimeout(100);
    } while (Date.now() < end);
    throw new Error(`timed out after ${timeout} ms waiting for ${what}; last: ${JSON.stringify(value)}; text:\n${await this.text().catch(() => "")}`);
  }

  async command(title) {
    await this.keys.press("F1");
    const input = this.page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.page.locator(`.quick-input-list .monaco-list-row:is([aria-label="${title}"], [aria-label^="${title},"])`).first().click();
  }

  async open(file) {
    await this.keys.press("Control+P");
    const input = this.page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(file);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: file.split("/").at(-1) }).first().waitFor();
    await this.keys.press("Enter");
    await this.page.locator(`.tab.active:has-text("${file.split("/").at(-1)}")`).first().waitFor();
    await this.page.locator(".editor-instance .view-lines").first().waitFor();
  }

  async goTo(line, column = 1) {
    await this.keys.press("Control+G");
    const input = this.page.locator(".quick-input-widget .quick-input-box input");
    await input.waitFor();
    await input.fill(`:${line}:${column}`);
    await this.keys.press("Enter");
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
    await this.page.waitForTimeout(150);
  }

  async selectLines(first, last) {
    await this.goTo(first);
    await this.keys.press("Home");
    for (let line = first; line < last; line += 1) await this.keys.press("Shift+ArrowDown");
    await this.keys.press("Shift+End");
  }

  /** The visible text of the active group's editor (small files are visible whole). */
  async text() {
    return linesOf(this.page.locator(".editor-group-container.active .editor-instance .view-lines").last());
  }

  /** What decorations put behind the lines. */
  async decorations() {
    return this.page.evaluate(() => [...document.querySelectorAll(".view-lines .view-line span[class*='ced-']")]
      .map((span) => getComputedStyle(span, "::after").content)
      .filter((content) => content && content !== "none")
      .map((content) => content.replace(/^"|"$/g, "").replaceAll("\\\"", '"').replaceAll("\u00a0", " ")));
  }

  lens(title) {
    return this.page.locator(".codelens-decoration a", { hasText: title });
  }

  get dialog() {
    return this.page.locator(".monaco-dialog-box");
  }

  /** Button labels of the dialog in the order in which they are tabbed through. */
  async dialogButtons() {
    return this.dialog.locator(".dialog-buttons .monaco-button").allInnerTexts();
  }

  get notifications() {
    return this.page.locator(".notifications-toasts .notification-toast");
  }

  /** Titles in the lightbulb's menu at the caret. */
  async lightbulb() {
    await this.keys.press("Control+.");
    const rows = this.page.locator(".action-widget .monaco-list-row.action");
    await rows.first().waitFor();
    return (await rows.allInnerTexts()).map((text) => text.trim().split("\n")[0]);
  }

  async pick(title) {
    await this.page.locator(".action-widget .monaco-list-row.action", { hasText: title }).first().click();
  }

  async answer(text) {
    const input = this.page.locator(".quick-input-widget:visible .quick-input-box input");
    await input.waitFor();
    await input.fill(text);
    await this.keys.press("Enter");
  }

  get statusItem() {
    return this.page.locator('.statusbar-item[id="interline.interline.interline.status"]');
  }

  /** The tooltip of the status item, which screen readers get too. */
  async statusTip() {
    return (await this.statusItem.getAttribute("aria-label")) ?? "";
  }

  /** The message in the status bar, and that none of it is cut. */
  async statusMessage() {
    const item = this.page.locator('.statusbar-item[id="status.extensionMessage"]');
    if ((await item.count()) === 0) return "";
    const [shown, text] = await item.first().evaluate((node) => {
      const label = node.querySelector(".statusbar-item-label") ?? node;
      return [label.clientWidth >= label.scrollWidth, label.textContent.trim()];
    });
    return shown ? text : `cut: ${text}`;
  }

  async running() {
    return (await this.statusItem.locator(".codicon-loading").count()) > 0;
  }

  /** Waits for the end of the turn; with `started`, first for its start. */
  async idle(started = false) {
    if (started) await this.until("a running turn", () => this.running(), 5000).catch(() => undefined);
    await this.until("the end of the turn", async () => !(await this.running()), 60_000);
  }

  /** Waits until so many hunks show their lenses. */
  async hunks(count, timeout) {
    await this.until(`${count} hunks`, async () => (await this.lens("Accept").count()) === count, timeout);
  }

  /** The number of the line that the first lens stands above. */
  async lineOfLens() {
    const lens = await this.lens("Accept").first().boundingBox();
    const numbers = await this.page.locator(".margin-view-overlays .line-numbers").all();
    for (const number of numbers) {
      const box = await number.boundingBox();
      const text = Number(await number.innerText());
      if (lens && box && text > 0 && Math.abs(box.y - lens.y - lens.height) < 14) return text;
    }
    return undefined;
  }

  async focusedButton() {
    return this.page.evaluate(() => document.activeElement?.textContent?.trim());
  }

  async focusText() {
    await this.page.locator(".editor-group-container.active .view-lines .view-line").first().click();
  }

  /** Waits for a problem of the language's own server in the open file. */
  async problem() {
    await this.page.locator(".view-overlays .squiggly-error").first().waitFor({ timeout: 60_000 });
  }

  async diff() {
    const sides = this.page.locator(".monaco-diff-editor").last();
    return {
      before: await linesOf(sides.locator(".original .view-lines").first()).catch(() => ""),
      after: await linesOf(sides.locator(".modified .view-lines").first()).catch(() => ""),
    };
  }

  async transcript() {
    const editor = this.page.locator(".editor-group-container", { has: this.page.locator(".tab.active", { hasText: "Interline.md" }) });
    return (await editor.count()) > 0 ? linesOf(editor.locator(".view-lines").first()) : "";
  }
}

export async function linesOf(lines) {
  const rows = await lines.evaluate((node) => [...node.querySelectorAll(":scope > .view-line")]
    .map((line) => ({ top: parseFloat(line.style.top), text: line.textContent }))
    .sort((one, other) => one.top - other.top)
    .map(({ text }) => text.replaceAll("\u00a0", " ").replace(/[\u200b-\u200f]/g, "")));
  return rows.join("\n");
}
