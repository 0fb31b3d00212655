import type { PulledImage } from '@tsbuild/core'
import { familiarReference, parseReference } from '@tsbuild/spec'
import { addTransferFlags, transfer } from '../images/transfer.js'
import type { CliCommand } from './command.js'

export const pull: CliCommand = {
  summary: 'Fetch an image from its registry',
  define(command) {
    command.argument('<NAME[:TAG|@DIGEST]>', 'name of an image')
    addTransferFlags(command, {
      allTags: 'all tags of the repository',
      platform: 'platform of the image (default: that of this machine)',
    })
    command.addHelpText('after', '\nExample:\n  tsbuild pull --platform linux/arm64 debian:12')
  },
  run: (command, io) =>
    transfer('pull', command, io, async ({ images, view, name, allTags, quiet, options }) => {
      const told = { ...options, onEvent: view.pulling }
      const pulled = allTags ? await images.pullAll(name, told) : [await images.pull(name, told)]
      return quiet ? pulled.map((image) => `${image.name}\n`).join('') : report(pulled, name, allTags)
    }),
}

/** What Docker says at the end, and the full name. */
function report(pulled: readonly PulledImage[], name: string, all: boolean): string {
  const shown = all ? name : familiarReference(parseReference(pulled[0]?.name ?? name))
  const updated = pulled.some((image) => image.updated)
  return [
    ...pulled.map(({ digest }) => `Digest: ${digest}\n`),
    `Status: ${updated ? 'Downloaded newer image for' : 'Image is up to date for'} ${shown}\n`,
    ...pulled.map((image) => `${image.name}\n`),
  ].join('')
}
