/** Lines over a shared x, such as seconds or batch sizes. `null` is a gap. */
export interface LineChart {
  readonly kind: 'lines'
  readonly title: string
  readonly x: { readonly label: string; readonly values: readonly number[]; readonly log?: boolean }
  readonly y: { readonly label: string; readonly log?: boolean }
  readonly series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[]
}

/** One bar each, on a logarithmic scale, with a note such as `oversold 0`. */
export interface BarChart {
  readonly kind: 'bars'
  readonly title: string
  readonly unit: string
  readonly bars: readonly {
    readonly label: string
    readonly value: number
    readonly spread?: readonly [low: number, high: number]
    readonly note?: string
  }[]
}
