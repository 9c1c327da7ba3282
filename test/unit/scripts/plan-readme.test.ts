import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { readOptions } from '../../../src/cli/plan/options.js'
import { planOf } from '../../../src/cli/plan/plan.js'
import { REPORT_WIDTH, reportLines } from '../../../src/cli/plan/report.js'
import { plain } from '../../../src/cli/terminal/style.js'

const chapter = await readFile(new URL('../../../scripts/README.md', import.meta.url), 'utf8')

/**
 * A call of the planner, and what the chapter says it prints; a line of three dots stands for any
 * number of lines.
 */
const examples = [...chapter.matchAll(/```console\n\$ npm run -s plan(?: -- ([^\n]*))?\n(.*?)\n```/gs)].map(
  ([, args = '', printed]) => ({ args: args.split(' ').filter(Boolean), printed: printed!.split('\n') }),
)

test('the chapter shows a plan for one Redis and one for a cluster', () => {
  const all = examples.map(({ printed }) => printed.join('\n')).join('\n')
  expect(all).toContain('One Redis is enough')
  expect(all).toContain('One Redis is not enough')
})

describe.each(examples)('npm run -s plan -- $args', ({ args, printed }) => {
  test('prints what the chapter says', () => {
    const { sale, resources } = readOptions(args)
    const lines = reportLines(planOf(sale, resources), REPORT_WIDTH, plain)
    const dots = printed.indexOf('...')
    if (dots < 0) return expect(lines).toEqual(printed)
    expect(lines.slice(0, dots)).toEqual(printed.slice(0, dots))
    const rest = printed.slice(dots + 1)
    expect(lines.slice(lines.length - rest.length)).toEqual(rest)
  })
})
