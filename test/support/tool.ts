/** A tool for the tests of `runTool`: it does what its options say. */
import { setTimeout as delay } from 'node:timers/promises'
import { runTool } from '../../scripts/lib/run-tool.js'
import { oneOf, parseOptions } from '../../src/cli/tool-options.js'

const interrupt = process.env.TOOL_FINISHES ? 'finish' : 'end'

await runTool({
  command: 'npm run tool',
  help: 'What the tool does.\n',
  readOptions: (args) =>
    oneOf(parseOptions(args, { texts: ['do'] }).values, 'do', ['pass', 'fail', 'throw', 'wait']),
  interrupt,
  async run(what, { interrupted, cleanUp }) {
    if (what === 'throw') throw new Error('no answer from redis://user:secret@example')
    if (what !== 'wait') return what === 'fail' ? 1 : 0
    cleanUp(async () => {
      // The run fails meanwhile.
      await delay(200)
      console.log('cleaned up')
    })
    const takeBack = cleanUp(async () => console.log('never shown'))
    takeBack()
    // A connection that was forgotten keeps no tool alive.
    setInterval(() => {}, 1_000)
    console.log('ready')
    while (!interrupted.aborted) await delay(10)
    if (interrupt === 'end') throw new Error('a call fails while the tool cleans up')
    console.log('finished')
    return 130
  },
})
