import type { PushedImage } from '@tsbuild/core'
import { parseReference } from '@tsbuild/spec'
import { addTransferFlags, transfer } from '../images/transfer.js'
import type { CliCommand } from './command.js'

export const push: CliCommand = {
  summary: 'Send an image to its registry',
  define(command) {
    command.argument('<NAME[:TAG]>', 'name of an image; its registry is the one in the name')
    addTransferFlags(command, {
      allTags: 'all tags that the repository has here',
      platform: 'refuse an image for another platform',
    })
    command.addHelpText('after', '\nExample:\n  tsbuild push localhost:5000/app:1.2')
  },
  run: (command, io) =>
    transfer('push', command, io, async ({ images, view, name, allTags, quiet, options }) => {
      const told = { ...options, onEvent: view.pushing }
      const pushed = allTags ? await images.pushAll(name, told) : [await images.push(name, told)]
      return pushed.map((image) => (quiet ? `${image.name}\n` : report(image))).join('')
    }),
}

function report({ name, digest, size }: PushedImage): string {
  return `${parseReference(name).tag}: digest: ${digest} size: ${size}\n`
}
