import type { CliGroup } from './command.js'
import { registryServe } from './registry-serve.js'

export const registry: CliGroup = {
  summary: 'Serve images to other tools',
  commands: { serve: registryServe },
}
