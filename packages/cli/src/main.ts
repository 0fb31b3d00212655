import { version } from './version.js'

const args = process.argv.slice(2)
// Answered here, before anything else is loaded: scripts ask for it often.
if (args.length === 1 && (args[0] === '--version' || args[0] === '-v')) {
  process.stdout.write(`tsbuild version ${version}\n`)
} else {
  void import('./process.js').then(({ runProcess }) => runProcess(args))
}
