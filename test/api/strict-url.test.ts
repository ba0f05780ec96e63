import { describe, expect, it } from 'vitest';
import { parseStrictUrl } from '../../operator/api/strict-url.ts';

describe('parseStrictUrl', () => {
  it.each([
    ['https://a', { scheme: 'https', hostname: 'a', path: '' }],
    ['http://localhost:8080/', { scheme: 'http', hostname: 'localhost', port: 8080, path: '/' }],
    [
      'https://a.example:443/b/c%20d',
      { scheme: 'https', hostname: 'a.example', port: 443, path: '/b/c%20d' },
    ],
    ['http://a:80', { scheme: 'http', hostname: 'a', port: 80, path: '' }],
    [
      'https://[2001:db8::1]:1/b?',
      { scheme: 'https', hostname: '[2001:db8::1]', port: 1, path: '/b', query: '' },
    ],
    ['https://192.0.2.1?a=/../b', { scheme: 'https', hostname: '192.0.2.1', path: '', query: 'a=/../b' }],
    [
      'https://my_idp.a--b.xn--mnchen-3ya',
      { scheme: 'https', hostname: 'my_idp.a--b.xn--mnchen-3ya', path: '' },
    ],
  ])('reads %s', (text, parts) => {
    expect(parseStrictUrl(text)).toEqual(parts);
  });

  it.each([
    ...[
      '',
      'a',
      '//a',
      '/a',
      'ftp://a',
      'HTTPS://a',
      'https:a',
      'https:/a',
      'https:///a',
      'https://',
      'https://A',
    ],
    ...[
      'https://a b',
      ' https://a',
      'https://a\n',
      'https://a\t',
      'https://ä',
      'https://a/ä',
      'https://a\\b',
      'https://a%62',
    ],
    ...[
      'https://u@a',
      'https://u:p@a',
      'https://a#',
      'https://a/?b#c',
      "https://a/'",
      'https://a/?"',
      'https://a/|',
    ],
    ...[
      'https://a..b',
      'https://a.',
      'https://.a',
      'https://-a',
      'https://a-',
      'https://a.-b',
      'https://a-.b',
    ],
    ...[
      'https://2130706433',
      'https://0x7f.1',
      'https://127.1',
      'https://0177.0.0.1',
      'https://1.2.3.4.5',
      'https://a.1',
    ],
    ...[
      'https://[0::1]',
      'https://[::ffff:1.2.3.4]',
      'https://[::ffff:102:304]',
      'https://[1:2]',
      'https://[]',
      'https://[::1',
    ],
    ...[
      'https://a:',
      'https://a:0',
      'https://a:080',
      'https://a:65536',
      'https://a:99999',
      'https://a:100000',
    ],
    ...[
      'https://a/.',
      'https://a/..',
      'https://a/./b',
      'https://a/%2e%2E/b',
      'https://a/.%2e',
      'https://a/%',
      'https://a/%4',
    ],
  ])('refuses %j', (text) => {
    expect(parseStrictUrl(text)).toBeUndefined();
  });

  it('refuses more than 2048 characters', () => {
    expect(parseStrictUrl(`https://a/${'b'.repeat(2038)}`)).toBeDefined();
    expect(parseStrictUrl(`https://a/${'b'.repeat(2039)}`)).toBeUndefined();
  });

  // A pattern that tries every way to divide them would not come to an end.
  it.each(['a', 'a-', 'a.', '-', 'a:', '[:', 'a/%', 'a/.'])('gives up on many of %j', (piece) => {
    expect(parseStrictUrl(`https://${piece.repeat(680)}!\n`)).toBeUndefined();
  });
});
