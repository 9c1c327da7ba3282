import type { LineChart } from '../../scripts/lib/report/charts.js'
import type { Table } from '../../src/cli/terminal/table.js'
import { rounded } from '../load/figures.js'
import { saleName, skuOf } from './plan.js'
import type { NightResult } from './run.js'

export function story(title: string, { plan, workers, seconds, told, recorder }: NightResult): Table {
  const { night } = plan
  const latency = recorder.latency()
  const mango = told.confirmedUnits[0]!
  return {
    title,
    columns: ['figure', 'value'],
    rows: [
      [`units of ${skuOf(0)}`, night.units],
      [`orders of ${skuOf(0)}`, night.phoneOrders],
      [`orders of ${night.stores.toLocaleString('en-US')} other stores`, night.orders],
      ['application processes', workers],
      ['seconds', rounded(seconds, 1)],
      ['calls (reserve, confirm, release)', told.operations],
      ['reservations', told.reserved],
      ['orders refused', plan.total - told.reserved - told.abandoned],
      ['double clicks', told.doubleClicks],
      ['paid and confirmed', told.confirmed],
      ['paid late and confirmed', told.lateConfirmed],
      ['paid late, refund due', told.refundDue],
      ['released', told.released],
      [`units of ${saleName(0)} sold`, mango],
      [`units of ${saleName(0)} oversold`, Math.max(0, mango - night.units)],
      ['calls that failed and were sent again', recorder.count('failed')],
      ...[0.5, 0.99, 0.999].map((share) => [
        `reserve, p${rounded(share * 100, 1)} in ms`,
        rounded(latency.at(share), 2),
      ]),
    ],
  }
}

export function charts(name: string, { recorder, left }: NightResult): LineChart[] {
  const x = { label: 'seconds', values: recorder.seconds() }
  return [
    {
      kind: 'lines',
      title: `Launch night ${name}: answers to reserve`,
      x,
      y: { label: 'a second' },
      series: (['accepted', 'refused', 'failed'] as const).map((outcome) => ({
        label: outcome,
        values: recorder.perSecond(outcome),
      })),
    },
    {
      kind: 'lines',
      title: `Launch night ${name}: units of ${skuOf(0)} left`,
      x: { label: 'seconds', values: left.map(({ seconds }) => seconds) },
      y: { label: 'units' },
      series: [
        { label: 'available', values: left.map(({ available }) => available) },
        { label: 'held', values: left.map(({ held }) => held) },
        { label: 'confirmed', values: left.map(({ confirmed }) => confirmed) },
      ],
    },
    {
      kind: 'lines',
      title: `Launch night ${name}: latency of reserve`,
      x,
      y: { label: 'ms', log: true },
      series: [
        { label: 'p50', values: recorder.percentile(0.5) },
        { label: 'p99', values: recorder.percentile(0.99) },
      ],
    },
  ]
}
