import { count } from '../terminal/format.js'

/** Numbers for sentences. */

const short = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 })

/** Two significant digits, since an estimate has no more: `0.067`, `4.5`, `17`, `230`. */
export function about(value: number): string {
  return value >= 100 ? count(Number(value.toPrecision(2))) : short.format(value)
}

export function share(value: number): string {
  return `${about(value * 100)} %`
}

export function bytes(value: number): string {
  if (value < 1e6) return `${about(value / 1e3)} kB`
  return value < 1e9 ? `${about(value / 1e6)} MB` : `${about(value / 1e9)} GB`
}

export function bits(bytesPerSecond: number): string {
  const value = 8 * bytesPerSecond
  return value < 1e9 ? `${about(value / 1e6)} Mbit/s` : `${about(value / 1e9)} Gbit/s`
}

export function time(seconds: number): string {
  if (seconds < 10) return `${about(seconds)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${about(seconds / 3_600)} h`
}
