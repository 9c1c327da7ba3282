/** `npm run drill`, with a few sales: the night on which Redis comes back from an old snapshot. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { drill, type Step } from '../../scripts/drill/drill.js'
import { Operator } from '../../scripts/drill/operator.js'
import { Stage } from '../../scripts/drill/stage.js'

test('four servers sell, Redis goes back, one command recovers the sale, and nothing is missing', async () => {
  const stage = await Stage.open()
  onTestFinished(() => stage.close())
  const steps: Step[] = []
  const report = await drill(stage, { sales: 3 }, (step) => steps.push(step))
  expect(report).toMatchObject({ missing: [], unhandled: [], refused: 0, audit: 0, reconcile: 0 })
  // Each of four has sold three times, before the snapshot and after, and four times after the
  // recovery. A reservation that several processes know is restored by each of them.
  expect(report.acknowledged).toBeGreaterThanOrEqual(40)
  expect(report.restored).toBeGreaterThanOrEqual(24)
  expect(report.confirmed).toBeGreaterThan(0)
  expect(steps).toEqual([
    ...['selling', 'rate changed', 'rolled back', 'frozen', 'recovered', 'selling again'],
  ])
})

test('a command that a signal ended, or that printed no JSON, is no answer of the operator', async () => {
  const root = await mkdtemp(join(tmpdir(), 'stockhold-drill-'))
  onTestFinished(() => rm(root, { recursive: true, force: true }))
  await mkdir(join(root, 'scripts'))
  await writeFile(
    join(root, 'scripts/run.mjs'),
    "if (process.argv[3] === 'audit') process.kill(process.pid, 'SIGKILL')\nconsole.log('no JSON')\n",
  )
  const operator = new Operator({ root, env: process.env }, { redis: '', postgres: '' })
  await expect(operator.stockhold('audit launch')).rejects.toMatchObject({ signal: 'SIGKILL' })
  await expect(operator.stockhold('show launch')).rejects.toThrow('JSON')
})
