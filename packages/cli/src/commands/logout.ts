import type { CliCommand } from './command.js'

export const logout: CliCommand = {
  summary: 'Forget the credentials of a registry',
  define(command) {
    command.argument('[SERVER]', 'host of the registry (default: Docker Hub)')
    command.addHelpText('after', '\nExample:\n  tsbuild logout registry.example:5000')
  },
  async run(command) {
    const [server = ''] = command.args
    const { openRegistries } = await import('@tsbuild/core')
    const known = await openRegistries().logout(server)
    const shown = server === '' ? 'https://index.docker.io/v1/' : server
    return { stdout: known ? `Removing login credentials for ${shown}\n` : `Not logged in to ${shown}\n` }
  },
}
