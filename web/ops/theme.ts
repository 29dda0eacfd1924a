/** Dark or light: as the system has it, unless chosen. */

const KEY = 'qtable-ops-theme'
const NEXT = { auto: 'dark', dark: 'light', light: 'auto' } as const
type Theme = keyof typeof NEXT

/** Applies the theme that was chosen and lets the button choose another. */
export function followTheme(button: HTMLElement): void {
  const show = (theme: Theme) => {
    if (theme === 'auto') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme
    button.textContent = { auto: 'Auto', dark: 'Dark', light: 'Light' }[theme]
    button.setAttribute('aria-label', `Theme: ${theme}; press for ${NEXT[theme]}`)
  }
  const kept = localStorage.getItem(KEY)
  let theme: Theme = kept === 'dark' || kept === 'light' ? kept : 'auto'
  show(theme)
  button.addEventListener('click', () => {
    theme = NEXT[theme]
    localStorage.setItem(KEY, theme)
    show(theme)
  })
}
