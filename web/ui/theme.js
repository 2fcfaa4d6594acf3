/**
 * Dark and light: what the system says, until the button says otherwise.
 * @module
 */
import { button, remember, remembered } from './dom.js';

export function bindTheme() {
  const root = document.documentElement;
  const saved = remembered('theme');
  if (saved === 'dark' || saved === 'light') root.dataset.theme = saved;
  button('theme').addEventListener('click', () => {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    remember('theme', root.dataset.theme);
  });
}
