import type { Paint } from './terminal/style.js'

/** `2026-11-11 20:00:00 +08:00`, in the time zone of this machine. */
export function moment(ms: number | null): string {
  if (ms === null) return '-'
  const date = new Date(ms)
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  const time = [two(date.getHours()), two(date.getMinutes()), two(date.getSeconds())].join(':')
  const offset = -date.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
  return `${day} ${time} ${zone}`
}

/** `10 min`: in the largest unit in which it is whole. */
export function span(ms: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1_000, 's'],
  ] as const
  const [size, name] = units.find(([unit]) => ms !== 0 && ms % unit === 0) ?? [1, 'ms']
  return `${ms / size} ${name}`
}

/** The colour of a state; it only repeats what the word says. */
export function paintState(paint: Paint, text: string): string {
  const state = text.trim()
  if (['frozen', 'lost', 'failed', 'unknown'].includes(state)) return paint('red', text)
  if (['open', 'done'].includes(state)) return paint('green', text)
  return ['paused', 'sold_out', 'begun', 'removing'].includes(state) ? paint('yellow', text) : text
}
