import { at, type LintRule, ruleUrl } from '../rule.js'

export const exposeProtoCasing: LintRule = {
  name: 'ExposeProtoCasing',
  description: 'Protocol in EXPOSE instruction should be lowercase',
  url: ruleUrl('expose-proto-casing'),
  *find({ stages }) {
    for (const { instruction } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'expose') continue
      for (const port of instruction.ports) {
        const protocol = port.slice(port.lastIndexOf(':') + 1).split('/')[1] ?? ''
        if (protocol === protocol.toLowerCase()) continue
        yield at(instruction, `Defined protocol '${port}' in EXPOSE instruction should be lowercase`)
      }
    }
  },
}
