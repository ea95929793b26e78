/** A question before something is done. */

import { h } from './dom.js';

/**
 * Asks, and waits: whether it is to be done. Escape and Cancel say no.
 * @param {{title: string, text: string, action: string, isDangerous?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action, isDangerous = false }) {
  const before = document.activeElement;
  return new Promise((resolve) => {
    const dialog = h(
      'dialog',
      { class: 'dialog', 'aria-labelledby': 'dialog-title', 'aria-describedby': 'dialog-text' },
      h('h2', { id: 'dialog-title' }, title),
      h('p', { id: 'dialog-text' }, text),
      h(
        'div',
        { class: 'buttons' },
        h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'),
        h(
          'button',
          {
            type: 'button',
            class: isDangerous ? 'danger' : 'primary',
            onclick: () => dialog.close('yes'),
          },
          action,
        ),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
