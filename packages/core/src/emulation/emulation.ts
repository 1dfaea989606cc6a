/** How a platform's programs run on the engine's host. */
export type Emulation =
  | { readonly kind: 'native' }
  /** The kernel opened the interpreter at registration (flag F): nothing need be in the container. */
  | { readonly kind: 'binfmt'; readonly interpreter?: string }
  /** The interpreter must be found inside the container, at exactly this path. */
  | { readonly kind: 'binfmt-without-f'; readonly interpreter: string }
  /** The sandbox starts every program through the interpreter: nothing need be in the container. */
  | { readonly kind: 'started-through'; readonly interpreter: string }
  | {
      readonly kind: 'none';
      /** Why, where more is known than that nothing is registered. */
      readonly why?: string | undefined;
    };
