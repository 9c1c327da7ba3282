/** An option for Node, which then is as it is where the optional peer was not installed. */
export const WITHOUT_FAST_CHECK = `--import=data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module'
  register('data:text/javascript,' + encodeURIComponent(\`
    export async function resolve(name, context, next) {
      if (name !== 'fast-check') return next(name, context)
      throw Object.assign(new Error("Cannot find package 'fast-check'"), { code: 'ERR_MODULE_NOT_FOUND' })
    }
  \`))
`)}`
