using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using Metering.Safety;
using Metering.Service.Ledger;
using Metering.Units;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Access;

/// <summary>Makes and checks API keys, and the one-time links that sign a browser in.</summary>
internal sealed class KeyRing(LedgerStore store, KeyUse use, TimeProvider clock)
{
    // A revoked key is refused after this at the latest, on every replica.
    private static readonly TimeSpan CacheFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LinkLife = TimeSpan.FromHours(1);
    private const string Made = "admin", Preset = "preset admin";
    private const int MaxActive = 2;
    private const long KeyLock = 0x6d65_7465_7206;

    private readonly ConcurrentDictionary<string, (ApiKey? Key, long Until)> _cache = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _links = new(StringComparer.Ordinal);

    /// <summary>The key that this text is, or null: unknown, expired, wrong.</summary>
    public async Task<ApiKey?> FindAsync(string text, CancellationToken cancel)
    {
        if (!KeySecret.TryReadId(text, out var id)) return null;
        var found = await CachedAsync(id, cancel);
        if (found is null || !CryptographicOperations.FixedTimeEquals(found.Hash, KeySecret.Hash(text)) || !IsActive(found)) return null;
        use.Note(found.Id);
        return found;
    }

    /// <summary>The key that a person or a program gave: one of ours, or a preset text that stands for one.</summary>
    public async Task<ApiKey?> FindGivenAsync(string text, CancellationToken cancel) => await FindAsync(text, cancel) ?? await FindAsync(Wrap(text).Key, cancel);

    /// <summary>True while the key with this id is neither revoked nor expired; a browser that signed in with it is asked for another one after that.</summary>
    public async Task<bool> StandsAsync(string id, CancellationToken cancel)
    {
        return await CachedAsync(id, cancel) is { } found && IsActive(found);
    }

    /// <summary>Makes a key; the text is given out here and never again. Throws <see cref="RuleBrokenException"/> when whom it is for (role, tenant, host and name) has two that are active.</summary>
    public async Task<(ApiKey Key, string Text)> CreateAsync(string role, string name, string? tenant, string? host, DateTimeOffset? expires, ClaimsPrincipal who, CancellationToken cancel)
    {
        var id = KeySecret.NewId();
        var text = KeySecret.New(role, id);
        var key = NewKey(id, text, role, name, tenant, host, expires);
        await store.WriteAsync(transaction => AddAsync(transaction, key, who, cancel), cancel);
        _cache.TryRemove(id, out _);
        return (key, text);
    }

    /// <summary>Makes a successor of a key, for the same role, tenant, host and name, and lets the key end after <paramref name="overlap"/>; null: there is no such key, or it has ended.</summary>
    public async Task<(ApiKey Key, string Text)?> RotateAsync(string id, TimeSpan overlap, ClaimsPrincipal who, CancellationToken cancel)
    {
        var nextId = KeySecret.NewId();
        var text = "";
        var made = await store.WriteAsync(async transaction =>
        {
            if (await transaction.Context.Set<ApiKey>().FirstOrDefaultAsync(key => key.Id == id, cancel) is not { } old || !IsActive(old)) return null;
            var now = clock.GetUtcNow();
            var span = old.ExpiresAt is { } end ? (TimeSpan?)(UnixTime.FromMicroseconds(end) - UnixTime.FromMicroseconds(old.CreatedAt)) : null;
            text = KeySecret.New(old.Role, nextId);
            var next = NewKey(nextId, text, old.Role, old.Name, old.Tenant, old.Host, now + span);
            var before = AuditTrail.Text(Facts(old));
            old.ExpiresAt = Math.Min(old.ExpiresAt ?? long.MaxValue, (now + overlap).ToUnixMicroseconds());
            await transaction.Context.SaveChangesAsync(cancel);
            await AuditTrail.AddAsync(transaction, now, who, "api-key.rotate", id, before, AuditTrail.Text(Facts(old)));
            await AddAsync(transaction, next, who, cancel);
            return next;
        }, cancel);
        _cache.TryRemove(id, out _);
        _cache.TryRemove(nextId, out _);
        return made is null ? null : (made, text);
    }

    public async Task<bool> DeleteAsync(string id, ClaimsPrincipal who, CancellationToken cancel)
    {
        var deleted = await store.WriteAsync(async transaction =>
        {
            if (await transaction.Context.Set<ApiKey>().FirstOrDefaultAsync(key => key.Id == id, cancel) is not { } key) return false;
            transaction.Context.Remove(key);
            await transaction.Context.SaveChangesAsync(cancel);
            await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), who, "api-key.delete", id, AuditTrail.Text(Facts(key)), null);
            return true;
        }, cancel);

        // After the commit: what is read again before it would stay for as long as the cache keeps it.
        _cache.TryRemove(id, out _);
        return deleted;
    }

    /// <summary>
    /// The admin key of a data directory: taken from the environment (<c>METERING_ADMIN_KEY</c>), from <c>admin.key</c>, or made. It is written to <c>admin.key</c>, readable by the owner only.
    /// A preset takes the place of the key that was in the file, which is how it is rotated.
    /// </summary>
    public async Task<string> EnsureAdminAsync(string dataDirectory, string? preset, CancellationToken cancel)
    {
        var file = Path.Combine(dataDirectory, "admin.key");
        if (preset is not null && !KeySecret.TryReadId(preset, out _) && preset.Length < 20)
            throw UserErrorException.Usage("METERING_ADMIN_KEY has fewer than 20 characters; use a long random text, or leave it out to have one made.");
        var former = File.Exists(file) ? (await File.ReadAllTextAsync(file, cancel)).Trim() : null;
        var text = preset ?? former;
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

            await AddAdminAsync(id, text, preset is null ? Made : Preset, cancel);
            if (preset is not null) await RevokeFormerAsync(former, id, cancel);
            await WriteFileAsync(file, preset ?? text, cancel);
            return preset ?? text;
        }

        var newId = KeySecret.NewId();
        var made = KeySecret.New(Roles.Admin, newId);
        await AddAdminAsync(newId, made, Made, cancel);
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
        await using var context = await store.ReadContextAsync(Caller.Local, cancel);
        var stored = await context.Set<ApiKey>().AsNoTracking().FirstOrDefaultAsync(key => key.Id == id, cancel);
        if (_cache.Count > 10_000) _cache.Clear();
        _cache[id] = (stored, now + CacheFor.Microseconds());
        return stored;
    }

    private ApiKey NewKey(string id, string text, string role, string name, string? tenant, string? host, DateTimeOffset? expires) => new()
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

    // Of whoever holds the data directory; it is not counted, or a service whose admin keys are lost would not start.
    private async Task AddAdminAsync(string id, string text, string name, CancellationToken cancel)
    {
        var key = NewKey(id, text, Roles.Admin, name, null, null, null);
        await store.WriteAsync(transaction => AddAsync(transaction, key, new ClaimsPrincipal(), cancel, isBounded: false), cancel);
        _cache.TryRemove(id, out _);
    }

    // What was preset before, and what was made in this directory; a key that an administrator has put into the file stays.
    private async Task RevokeFormerAsync(string? former, string id, CancellationToken cancel)
    {
        var formerId = former is not { Length: > 0 } ? "" : KeySecret.TryReadId(former, out var own) ? own : Wrap(former).Id;
        await store.WriteAsync(async transaction =>
        {
            var keys = await transaction.Context.Set<ApiKey>().Where(key => key.Role == Roles.Admin && key.Id != id && (key.Name == Preset || (key.Name == Made && key.Id == formerId))).ToListAsync(cancel);
            foreach (var key in keys)
            {
                await transaction.ExecuteAsync("DELETE FROM api_key WHERE id = @id", ("@id", key.Id));
                await AuditTrail.AddAsync(transaction, clock.GetUtcNow(), new ClaimsPrincipal(), "api-key.delete", key.Id, AuditTrail.Text(Facts(key)), null);
                _cache.TryRemove(key.Id, out _);
            }
        }, cancel);
    }

    private async Task AddAsync(LedgerTransaction transaction, ApiKey key, ClaimsPrincipal who, CancellationToken cancel, bool isBounded = true)
    {
        var now = clock.GetUtcNow();
        if (isBounded) await BoundAsync(transaction, key, now.ToUnixMicroseconds(), cancel);
        transaction.Context.Add(key);
        await transaction.Context.SaveChangesAsync(cancel);
        await AuditTrail.AddAsync(transaction, now, who, "api-key.create", key.Id, null, AuditTrail.Text(Facts(key)));
    }

    // Two, so that one can take the place of the other; a third would be one that nobody keeps track of.
    private static async Task BoundAsync(LedgerTransaction transaction, ApiKey key, long now, CancellationToken cancel)
    {
        if (transaction.Store.IsPostgres) await transaction.ExecuteAsync("SELECT pg_advisory_xact_lock(@lock)", ("@lock", KeyLock));
        var (role, tenant, host, name) = (key.Role, key.Tenant, key.Host, key.Name);
        var active = await transaction.Context.Set<ApiKey>().Where(one => one.Role == role && one.Tenant == tenant && one.Host == host && one.Name == name && (one.ExpiresAt == null || one.ExpiresAt > now))
            .OrderBy(one => one.CreatedAt).Select(one => one.Id).ToListAsync(cancel);
        if (active.Count >= MaxActive)
            throw new RuleBrokenException([new Fault("", $"There are {active.Count} active keys of role {role} named '{name}' for the same already ({string.Join(", ", active)}); revoke one of them, or give the new one another name.")]);
    }

    private bool IsActive(ApiKey key) => key.ExpiresAt is null || key.ExpiresAt > clock.GetUtcNow().ToUnixMicroseconds();

    // What the audit trail has of a key: all but its hash.
    private static object Facts(ApiKey key) => new { key.Role, key.Name, key.Tenant, key.Host, ExpiresAt = key.ExpiresAt is { } at ? UnixTime.FromMicroseconds(at) : (DateTimeOffset?)null };

    private static async Task WriteFileAsync(string file, string text, CancellationToken cancel)
    {
        if (File.Exists(file) && (await File.ReadAllTextAsync(file, cancel)).Trim() == text) return;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await using var stream = new FileStream(file, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
        await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text + "\n"), cancel);
    }
}
