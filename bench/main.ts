/** The suite: `npm run bench -- --help` says what it can do. */
import { runTool, type ToolContext } from '../scripts/lib/run-tool.js'
import { parts } from './parts.js'
import { compareFiles } from './support/compare-files.js'
import { type BenchOptions, helpText, readOptions } from './support/options.js'
import { runSuite } from './support/suite.js'

await runTool({
  command: 'npm run bench',
  help: helpText(parts),
  readOptions: (args) => readOptions(args, parts),
  run,
  errorCode: 2,
})

async function run(options: BenchOptions, context: ToolContext): Promise<number> {
  if (options.command === 'run') return (await runSuite(options, context, process.stdout)).ok ? 0 : 1
  await compareFiles(options.files, process.stdout)
  return 0
}
