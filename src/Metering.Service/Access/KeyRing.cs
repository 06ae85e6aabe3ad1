using System.Collections.Concurrent;
using System.Security.Cryptography;
using Metering.Safety;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Access;

/// <summary>Makes and checks API keys, and the one-time links that sign a browser in.</summary>
public sealed class KeyRing(LedgerStore store, TimeProvider clock)
{
    // A revoked key is refused after this at the latest, on every replica.
    private static readonly TimeSpan CacheFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LinkLife = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, (ApiKey? Key, long Until)> _cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _links = new(StringComparer.Ordinal);

    /// <summary>The key that this text is, or null: unknown, expired, wrong.</summary>
    public async Task<ApiKey?> FindAsync(string text, CancellationToken cancel)
    {
        if (!KeySecret.TryReadId(text, out var id)) return null;
        var found = await CachedAsync(id, cancel);
        return found is not null && CryptographicOperations.FixedTimeEquals(found.Hash, KeySecret.Hash(text)) &&
            (found.ExpiresAt is null || found.ExpiresAt > clock.GetUtcNow().ToUnixMicroseconds()) ? found : null;
    }

    /// <summary>The key that a person or a program gave: one of ours, or a preset text that stands for one.</summary>
    public async Task<ApiKey?> FindGivenAsync(string text, CancellationToken cancel) => await FindAsync(text, cancel) ?? await FindAsync(Wrap(text).Key, cancel);

    /// <summary>True while the key with this id is neither revoked nor expired; a browser that signed in with it is asked for another one after that.</summary>
    public async Task<bool> StandsAsync(string id, CancellationToken cancel)
    {
        var found = await CachedAsync(id, cancel);
        return found is not null && (found.ExpiresAt is null || found.ExpiresAt > clock.GetUtcNow().ToUnixMicroseconds());
    }

    /// <summary>Makes a key; the text is given out here and never again.</summary>
    public async Task<(ApiKey Key, string Text)> CreateAsync(string role, string name, string? tenant, string? host, DateTimeOffset? expires, CancellationToken cancel)
    {
        var id = KeySecret.NewId();
        var text = KeySecret.New(role, id);
        var key = await AddAsync(id, text, role, name, tenant, host, expires, cancel);
        return (key, text);
    }

    public async Task<bool> DeleteAsync(string id, CancellationToken cancel)
    {
        var deleted = await store.WriteAsync(async transaction => await transaction.ExecuteAsync("DELETE FROM api_key WHERE id = @id", ("@id", id)) > 0, cancel);

        // After the commit: what is read again before it would stay for as long as the cache keeps it.
        _cache.TryRemove(id, out _);
        return deleted;
    }

    /// <summary>
    /// The admin key of a data directory: taken from the environment (<c>METERING_ADMIN_KEY</c>), from <c>admin.key</c>, or made. It is written to <c>admin.key</c>, readable by the owner only.
    /// </summary>
    public async Task<string> EnsureAdminAsync(string dataDirectory, string? preset, CancellationToken cancel)
    {
        var file = Path.Combine(dataDirectory, "admin.key");
        if (preset is not null && !KeySecret.TryReadId(preset, out _) && preset.Length < 20)
            throw UserErrorException.Usage("METERING_ADMIN_KEY has fewer than 20 characters; use a long random text, or leave it out to have one made.");
        var text = preset ?? (File.Exists(file) ? (await File.ReadAllTextAsync(file, cancel)).Trim() : null);
        if (text is { Length: > 0 })
        {
            if (!KeySecret.TryReadId(text, out var id)) (id, text) = Wrap(text);
            await using (var context = await store.ReadContextAsync(cancel))
            {
                if (await context.Set<ApiKey>().AnyAsync(key => key.Id == id, cancel))
                {
                    await WriteFileAsync(file, preset ?? text, cancel);
                    return preset ?? text;
                }
            }

            await AddAsync(id, text, Roles.Admin, "admin", null, null, null, cancel);
            await WriteFileAsync(file, preset ?? text, cancel);
            return preset ?? text;
        }

        var (_, made) = await CreateAsync(Roles.Admin, "admin", null, null, null, cancel);
        await WriteFileAsync(file, made, cancel);
        return made;
    }

    /// <summary>A preset key may be any long text; it is looked up by a key derived from it.</summary>
    internal static (string Id, string Key) Wrap(string preset)
    {
        var id = Convert.ToHexStringLower(KeySecret.Hash(preset).AsSpan(0, 6));
        var head = $"mtr_admin_{id}_{Convert.ToHexStringLower(KeySecret.Hash("metering:" + preset))}";
        return (id, head + "_" + Convert.ToHexStringLower(KeySecret.Hash(head).AsSpan(0, 4)));
    }

    /// <summary>A token for the sign-in link of <c>up</c>: good once, for an hour.</summary>
    public string NewLink()
    {
        var token = RandomNumberGenerator.GetHexString(32, lowercase: true);
        _links[token] = (clock.GetUtcNow() + LinkLife).ToUnixMicroseconds();
        return token;
    }

    public bool UseLink(string token) => _links.TryRemove(token, out var until) && until > clock.GetUtcNow().ToUnixMicroseconds();

    private async Task<ApiKey?> CachedAsync(string id, CancellationToken cancel)
    {
        var now = clock.GetUtcNow().ToUnixMicroseconds();
        if (_cache.TryGetValue(id, out var cached) && cached.Until >= now) return cached.Key;
        await using var context = await store.ReadContextAsync(cancel);
        var stored = await context.Set<ApiKey>().AsNoTracking().FirstOrDefaultAsync(key => key.Id == id, cancel);
        if (_cache.Count > 10_000) _cache.Clear();
        _cache[id] = (stored, now + CacheFor.Microseconds());
        return stored;
    }

    private async Task<ApiKey> AddAsync(string id, string text, string role, string name, string? tenant, string? host, DateTimeOffset? expires, CancellationToken cancel)
    {
        var key = new ApiKey
        {
            Id = id,
            Hash = KeySecret.Hash(text),
            Role = role,
            Name = name,
            Tenant = tenant,
            Host = host,
            CreatedAt = clock.GetUtcNow().ToUnixMicroseconds(),
            ExpiresAt = expires?.ToUnixMicroseconds(),
        };
        await store.WriteAsync(async transaction =>
        {
            transaction.Context.Add(key);
            await transaction.Context.SaveChangesAsync(cancel);
        }, cancel);
        _cache.TryRemove(id, out _);
        return key;
    }

    private static async Task WriteFileAsync(string file, string text, CancellationToken cancel)
    {
        if (File.Exists(file) && (await File.ReadAllTextAsync(file, cancel)).Trim() == text) return;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await using var stream = new FileStream(file, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text + "\n"), cancel);
    }
}
