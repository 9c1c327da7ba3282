/**
 * A report from fixed results, for the tests of the report and for looking at its page without
 * measuring anything.
 */
import type { Figure, PartResult } from '../part.js'
import { figuresOf, type Report, VERSION } from './report.js'
import { judge } from './targets.js'

/** What a name could be at worst. */
export const EVIL =
  '</script><script>document.title="gone"</script><img src=x onerror=alert(1)> "quoted" & \'so\''

export const figure = (id: string, value: number, more: Partial<Figure> = {}): Figure => ({
  id,
  label: `label of ${id}`,
  unit: 'ratio',
  value,
  better: 'higher',
  ...more,
})

export function result(figures: readonly Figure[]): PartResult {
  const seconds = Array.from({ length: 60 }, (_, second) => second)
  return {
    figures,
    tables: [
      {
        title: 'Per second',
        columns: ['peer', 'per second'],
        rows: [
          ['stockhold', 205_331],
          [EVIL, 47.25],
        ],
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Throughput',
        x: { label: 'seconds', values: seconds },
        y: { label: 'requests/s' },
        series: [
          {
            label: 'accepted',
            values: seconds.map((second) => (second === 30 ? null : 200_000 - second * 1_000)),
          },
          { label: EVIL, values: seconds.map((second) => second * 900) },
        ],
      },
      {
        kind: 'lines',
        title: 'Batch sizes',
        x: { label: 'batch', values: [1, 2, 4, 8], log: true },
        y: { label: 'operations/s', log: true },
        series: [{ label: 'reserve', values: [10_000, 18_000, 31_000, 0] }],
      },
      {
        kind: 'bars',
        title: 'Peers',
        unit: '/s',
        bars: [
          { label: 'stockhold', value: 205_331, spread: [198_000, 214_000], note: 'oversold 0' },
          { label: 'WATCH and MULTI', value: 331, note: 'oversold 12' },
        ],
      },
    ],
    invariants: [{ rule: 'no unit is sold twice', holds: true, detail: EVIL }],
  }
}

export function reportOf(
  figures: readonly Figure[],
  environment: Partial<Report['environment']> = {},
): Report {
  const parts = [{ name: 'peers', question: 'How does it compare?', seconds: 61, ...result(figures) }]
  return {
    version: VERSION,
    createdAt: '2025-11-22T17:20:00.000Z',
    ok: true,
    environment: {
      cpu: { model: 'A CPU', count: 2 },
      memoryBytes: 8 * 2 ** 30,
      os: 'Linux 6.1.0 x64',
      node: 'v20.19.0',
      redis: { version: 'Redis 7.0.15', url: null, config: { 'maxmemory-policy': 'noeviction', save: '' } },
      git: { commit: '0123456789abcdef', dirty: false },
      seed: 1,
      options: { quick: false, realTime: false, parts: ['peers'] },
      ...environment,
    },
    targets: judge(figuresOf(parts)),
    parts,
  }
}
