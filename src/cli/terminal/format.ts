const separated = (digits: number) =>
  new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
const byDigits = [0, 1, 2].map(separated)
const tiny = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 })

/** With separators and as many decimals as are significant: `183,204`, `98.4`, `4.12`, `0.0031`. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '-'
  const size = Math.abs(value)
  if (Number.isInteger(value) || size >= 100) return byDigits[0]!.format(value)
  if (size >= 10) return byDigits[1]!.format(value)
  return size >= 0.1 ? byDigits[2]!.format(value) : tiny.format(value)
}

/** A number with its unit: `183,204/s`, `4.12×`, `98.4 ms`. */
export function quantity(value: number, unit: string): string {
  if (unit === 'ratio')
    return `${Number.isInteger(value) && Math.abs(value) < 10 ? byDigits[1]!.format(value) : number(value)}×`
  return unit.startsWith('/') || unit === '%' || unit === ''
    ? `${number(value)}${unit}`
    : `${number(value)} ${unit}`
}

/** The same with more digits if rounding would make the value look equal to the limit. */
export function quantityBeside(limit: number, value: number, unit: string): string {
  const text = quantity(value, unit)
  const rounded = Number(number(value).replaceAll(',', ''))
  if (value === limit || rounded !== limit) return text
  return text.replace(number(value), String(Number(value.toPrecision(5))))
}

/** `3.9 to 4.4`, without the unit; empty if a single round has no spread. */
export function range(spread: readonly [low: number, high: number] | undefined): string {
  return spread === undefined || spread[0] === spread[1] ? '' : `${number(spread[0])} to ${number(spread[1])}`
}

/** Such as `+12.4 %`. */
export function change(percent: number): string {
  const rounded = percent.toFixed(1)
  return `${percent > 0 && Number(rounded) !== 0 ? '+' : ''}${rounded === '-0.0' ? '0.0' : rounded} %`
}

export function count(value: number): string {
  return byDigits[0]!.format(value)
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

export function milliseconds(ms: number): string {
  return Number.isNaN(ms) ? '-' : `${ms.toFixed(ms < 10 ? 2 : 1)} ms`
}

/** `1 order`, `2 orders`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

export function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}

export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return seconds < 10 ? `${seconds.toFixed(1)} s` : `${whole} s`
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** Whether a cell is aligned to the right: a number, one with its unit, or the sign for none. */
export function isNumeric(cell: string | number): boolean {
  return typeof cell === 'number' || /^[+-]?[\d,.]+ ?(%|×|ms|s|µs|bytes|\/s)?$|^[-–]?$/.test(cell)
}
