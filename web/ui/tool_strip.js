/**
 * The strip of tools and the options of the one in hand.
 * @module
 */
import { TOOL_NEEDS } from '../tools.js';
import { block, button, input, make, remember, remembered } from './dom.js';

/** @typedef {import('../tools.js').ToolName} ToolName */

/** What each tool does, and what keys do with it, which nobody is told who has none. @type {Record<ToolName, {title: string, text: string, keys?: string}>} */
const ABOUT = {
  drag: {
    title: 'Drag',
    text: 'Press on something and pull it. It follows your hand until you let go. If too much or too little comes along, use Select.',
    keys: 'Shift and a click add to what is taken, Alt and a click take away.',
  },
  select: {
    title: 'Select',
    text: 'Touch a thing, draw a line around it, or paint over it. Then pull on what is selected.',
    keys: 'Shift adds, Alt takes away.',
  },
  pin: { title: 'Pin', text: 'Touch something to keep it where it is. It stays pinned until you erase it.' },
  path: { title: 'Path', text: 'Draw the whole way first. Its pace is the pace of your hand.' },
  grid: { title: 'Grid', text: 'Pull many points together: a whole thing instead of one spot of it.' },
  camera: { title: 'Camera', text: 'Drag the stage or the pad to steer. The further you pull, the faster it goes.' },
  eraser: { title: 'Eraser', text: 'Touch a pin or a path and it lets go.' },
};

export class ToolStrip {
  /** @type {ToolName} */
  current = 'drag';
  /** @type {Set<ToolName>} */
  #able = new Set(/** @type {ToolName[]} */ (Object.keys(TOOL_NEEDS)));
  /** @type {Map<ToolName, HTMLButtonElement>} */
  #buttons = new Map();
  #onChange;

  /** @param {(tool: ToolName, does: string) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    for (const each of document.querySelectorAll('[data-tool]')) {
      const tool = /** @type {HTMLButtonElement} */ (each);
      const name = /** @type {ToolName} */ (tool.dataset.tool);
      this.#buttons.set(name, tool);
      tool.addEventListener('click', () => this.choose(name));
      tool.addEventListener('keydown', (event) => this.#arrow(event, name));
    }
    this.#rememberOptions();
    this.choose('drag');
  }

  /** @param {ToolName} name */
  choose(name) {
    if (!this.#able.has(name)) return;
    this.current = name;
    for (const [each, tool] of this.#buttons) {
      tool.setAttribute('aria-checked', String(each === name));
      tool.tabIndex = each === name ? 0 : -1;
    }
    block('tool-title').textContent = ABOUT[name].title;
    block('tool-text').replaceChildren(`${ABOUT[name].text} `, make('span', { className: 'with-keys', textContent: ABOUT[name].keys ?? '' }));
    for (const part of document.querySelectorAll('[data-for]')) {
      const owner = /** @type {HTMLElement} */ (part);
      owner.hidden = owner.dataset.for !== name;
    }
    this.#onChange(name, ABOUT[name].text);
  }

  /** Disables the tools that a model has no use for. @param {Record<string, any>} capabilities */
  allow(capabilities) {
    this.#able.clear();
    for (const [name, tool] of this.#buttons) {
      const need = TOOL_NEEDS[name];
      const able = need === null || capabilities[need] !== false;
      tool.disabled = !able;
      if (able) this.#able.add(name);
    }
    if (!this.#able.has(this.current)) this.choose([...this.#able][0]);
  }

  /** @returns {import('../tools.js').ToolOptions} */
  get options() {
    return {
      rows: Number(input('grid-rows').value),
      cols: Number(input('grid-cols').value),
      spacing: Number(input('grid-spacing').value) / 100,
      speed: Number(input('path-speed').value) / 100,
      loop: input('path-loop').checked,
      autoplay: input('path-autoplay').checked,
      mode: /** @type {import('../selection.js').Mode} */ (document.querySelector('[name="select-mode"]:checked')?.getAttribute('value') ?? 'new'),
      paint: input('select-paint').checked,
      radius: Number(input('select-radius').value) / 100,
    };
  }

  /** @param {() => void} play */
  onPlay(play) {
    button('path-play').addEventListener('click', play);
  }

  /** @param {KeyboardEvent} event @param {ToolName} from */
  #arrow(event, from) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (!step) return;
    event.preventDefault();
    const names = [...this.#buttons.keys()].filter((name) => this.#able.has(name));
    const next = names[(names.indexOf(from) + step + names.length) % names.length];
    this.choose(next);
    this.#buttons.get(next)?.focus();
  }

  #rememberOptions() {
    const fields = ['grid-rows', 'grid-cols', 'grid-spacing', 'path-speed', 'path-loop', 'path-autoplay', 'select-paint', 'select-radius'].map(input);
    const saved = remembered('tools') ?? {};
    for (const field of fields) {
      const key = field.type === 'checkbox' ? 'checked' : 'value';
      if (field.id in saved) Object.assign(field, { [key]: saved[field.id] });
      field.addEventListener('input', () => {
        saved[field.id] = field[key];
        remember('tools', saved);
      });
    }
  }
}

/** Writes the value of every slider next to it. */
export function mirrorSliders() {
  for (const slider of document.querySelectorAll('.row input[type="range"]')) {
    const range = /** @type {HTMLInputElement} */ (slider);
    const output = range.parentElement?.querySelector('output');
    if (!output || output.id) continue;
    output.setAttribute('aria-live', 'off'); // the slider says it itself
    const show = () => {
      output.textContent = range.value + (output.dataset.unit ?? '');
      range.setAttribute('aria-valuetext', output.textContent);
    };
    range.addEventListener('input', show);
    show();
  }
}
