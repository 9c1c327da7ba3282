import { test } from 'vitest'
import { refuse } from './support/refuse.js'
import { openTrial } from './support/trial.js'
import { verdict } from './support/verdict.js'

test('NOPERM: the right to run scripts is taken away, and given back', async () => {
  await refuse(
    'NOPERM',
    ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha'),
    ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '+eval', '+evalsha'),
  )
})

test.each(['hset', 'zadd', 'xadd', 'zrem'])(
  'NOPERM: the right to %s alone is taken away in mid-sale, and given back: nothing is half done',
  async (command) => {
    const stage = await openTrial()
    const { crowd, admin } = stage
    crowd.start()
    await crowd.hears('confirmed', 30)
    await admin.call('ACL', 'SETUSER', 'default', `-${command}`)
    await crowd.hears('UNAVAILABLE', 20)
    await admin.call('ACL', 'SETUSER', 'default', `+${command}`)
    await crowd.stop()
    await crowd.buysOnEveryHandle()
    await verdict(stage, [crowd])
  },
)
