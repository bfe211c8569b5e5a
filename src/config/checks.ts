import { isIP } from 'node:net';
import { z } from 'zod';

export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine(n => n >= min && n <= max, `must be a whole number from ${min} to ${max}`);

export const flag = z
  .enum(['true', 'false'], 'must be true or false')
  .transform(value => value === 'true');

/** Addresses and networks, with commas between. */
export const trustedProxies = z
  .string()
  .transform((value, context): string[] => {
    const networks = value.split(',').map(network => network.trim());
    if (networks.every(isNetwork)) return networks;
    context.addIssue({
      code: 'custom',
      message: 'must be addresses and networks such as 10.0.0.0/8, separated by commas',
    });
    return z.NEVER;
  })
  .optional();

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  return (
    version !== 0 &&
    rest.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)))
  );
}

/** Origins of web pages, with commas between, or `*`. */
export const origins = z
  .string()
  .transform((value, context): string[] => {
    const list = value.split(',').map(origin => origin.trim());
    if (
      list.every(
        origin => origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin),
      )
    )
      return list;
    context.addIssue({
      code: 'custom',
      message:
        'must be origins such as https://app.example.com, without a path and separated ' +
        'by commas, or *',
    });
    return z.NEVER;
  })
  .optional();
