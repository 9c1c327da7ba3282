const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const tenths = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 })

export const number = (value: number): string => whole.format(value)
export const decimal = (value: number): string => tenths.format(value)
export const perSecond = (value: number | null): string => (value === null ? '–' : `${decimal(value)}/s`)
export const milliseconds = (value: number): string => `${value < 10 ? decimal(value) : number(value)} ms`
export const percent = (share: number): string => `${decimal(100 * share)} %`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** `820 MB`, `3.9 GB`: units of 1,024. */
export function bytes(count: number): string {
  const unit = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1_024 ** unit
  return `${value < 100 ? decimal(value) : number(value)} ${UNITS[unit]}`
}

/** `45 s`, `12 min`, `3 h 20 min`. */
export function span(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 90) return `${number(Math.max(0, seconds))} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return `${Math.round(hours / 24)} days`
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** The time of today; of another day the date too. In the viewer's time zone. */
export function time(epochMs: number): string {
  const at = new Date(epochMs)
  const clock = at.toLocaleTimeString('en-GB')
  if (at.toDateString() === new Date().toDateString()) return clock
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })} ${clock}`
}

/** A state or a code in words: `not_open` is "not open". */
export const words = (code: string): string => code.replaceAll('_', ' ')

/** JSON in one line, without the braces of an object that is empty. */
export function json(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text === undefined || text === '{}' || text === 'null' ? '' : text
}
