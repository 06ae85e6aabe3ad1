using System.Data.Common;
using System.Security.Cryptography;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Enforcement;

/// <summary>Tables <c>enforcement</c> and <c>command_key</c>.</summary>
internal static class EnforcementLedger
{
    // Of two, the older: the other one is the next.
    private const string Current = "SELECT private FROM command_key ORDER BY id LIMIT 1";
    private const string Columns = "id, quota, host, path, action, value, dry_run, reason, began_at, crossed_by, released_at, released_why";

    /// <summary>What holds, and what was released since; newest first, at most <paramref name="limit"/>.</summary>
    /// <param name="after">Those that come after, of a page before; null: from the newest.</param>
    public static async Task<List<EnforcementRow>> ReadAsync(DbConnection connection, DbTransaction? transaction, DateTimeOffset releasedSince, int limit, CancellationToken cancel, PageCursor? after = null)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"SELECT {Columns} FROM enforcement WHERE (released_at IS NULL OR released_at >= {releasedSince.ToUnixMicroseconds()}) AND (began_at < @at OR (began_at = @at AND id > @id)) ORDER BY began_at DESC, id LIMIT {limit}");
        foreach (var (name, value) in new (string, object)[] { ("@at", after?.At ?? long.MaxValue), ("@id", after?.Id ?? "") })
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        var found = new List<EnforcementRow>();
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            found.Add(new EnforcementRow(
                rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3), rows.GetString(4), rows.GetInt64(5), rows.GetInt64(6) != 0, rows.GetString(7), UnixTime.FromMicroseconds(rows.GetInt64(8)),
                rows.IsDBNull(10) ? null : UnixTime.FromMicroseconds(rows.GetInt64(10)), rows.IsDBNull(11) ? null : rows.GetString(11)) { CrossedBy = rows.IsDBNull(9) ? null : rows.GetInt64(9) });
        }

        return found;
    }

    /// <summary>False when it was begun before, also when it was released since.</summary>
    public static async Task<bool> BeginAsync(LedgerTransaction transaction, EnforcementRow row) => await transaction.ExecuteAsync($"""
        INSERT INTO enforcement ({Columns}) VALUES (@id, @quota, @host, @path, @action, @value, @dry, @reason, @began, @crossed, NULL, NULL) ON CONFLICT (id) DO NOTHING
        """, ("@id", row.Id), ("@quota", row.Quota), ("@host", row.Host), ("@path", row.Path), ("@action", row.Action), ("@value", row.Value), ("@dry", row.DryRun ? 1L : 0L), ("@reason", row.Reason), ("@began", row.BeganAt.ToUnixMicroseconds()), ("@crossed", row.CrossedBy)) > 0;

    public static async Task<bool> ReleaseAsync(LedgerTransaction transaction, string id, string why, DateTimeOffset now) => await transaction.ExecuteAsync(
        "UPDATE enforcement SET released_at = @now, released_why = @why WHERE id = @id AND released_at IS NULL", ("@now", now.ToUnixMicroseconds()), ("@why", why), ("@id", id)) > 0;

    public static Task ChangeValueAsync(LedgerTransaction transaction, string id, long value) =>
        transaction.ExecuteAsync("UPDATE enforcement SET value = @value WHERE id = @id", ("@value", value), ("@id", id));

    /// <summary>Sequence of the last batch of a host that was counted when the quota went over; null: none was.</summary>
    /// <param name="since">When it began to fire, Unix seconds: batches bear the instant of their transaction, and so does what they moved.</param>
    public static Task<long?> CrossedByAsync(LedgerTransaction transaction, string quota, long since, string host) => transaction.ScalarAsync(transaction.Command("""
        SELECT r.sequence FROM receipt r WHERE r.agent = (SELECT id FROM agent WHERE host = @host ORDER BY last_seen_at DESC, id DESC LIMIT 1)
            AND r.received_at <= (SELECT MIN(at) FROM quota_transition WHERE quota = @quota AND at >= @since) ORDER BY r.sequence DESC LIMIT 1
        """, ("@host", host), ("@quota", quota), ("@since", since * 1_000_000)));

    /// <summary>The key of this installation (PKCS #8), made at its first use; replicas have the same one.</summary>
    public static async Task<byte[]> PrivateKeyAsync(LedgerStore store, CancellationToken cancel)
    {
        await using (var connection = await store.OpenReadAsync(cancel))
        {
            await using var command = connection.CreateCommand();
            command.CommandText = Current;
            if (await command.ExecuteScalarAsync(cancel) is byte[] stored) return stored;
        }

        return await store.WriteAsync(async transaction =>
        {
            await MakeKeyAsync(transaction, 1);
            return (byte[])(await transaction.Command(Current).ExecuteScalarAsync(cancel))!;
        }, cancel);
    }

    public static ECDsa Open(byte[] privateKey)
    {
        var opened = ECDsa.Create();
        opened.ImportPkcs8PrivateKey(privateKey, out _);
        return opened;
    }

    /// <summary>The public keys, of which the first signs: SubjectPublicKeyInfo. The second, if there is one, is the next.</summary>
    public static async Task<IReadOnlyList<byte[]>> PublicKeysAsync(LedgerStore store, CancellationToken cancel)
    {
        await PrivateKeyAsync(store, cancel);
        await using var connection = await store.OpenReadAsync(cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT private FROM command_key ORDER BY id LIMIT 2";
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var found = new List<byte[]>();
        while (await rows.ReadAsync(cancel))
        {
            using var key = Open((byte[])rows[0]);
            found.Add(key.ExportSubjectPublicKeyInfo());
        }

        return found;
    }

    /// <summary>Makes the key that is to sign next. False when there is one already.</summary>
    public static async Task<bool> AddNextKeyAsync(LedgerTransaction transaction)
    {
        await MakeKeyAsync(transaction, 1);
        if (await transaction.ScalarAsync(transaction.Command("SELECT COUNT(*) FROM command_key")) > 1) return false;
        return await MakeKeyAsync(transaction, (await transaction.ScalarAsync(transaction.Command("SELECT MAX(id) FROM command_key")) ?? 0) + 1);
    }

    /// <summary>The next key signs from now on, and the former one is gone for good. False when there is no next one.</summary>
    public static async Task<bool> SwitchKeyAsync(LedgerTransaction transaction) =>
        await transaction.ExecuteAsync("DELETE FROM command_key WHERE id < (SELECT MAX(id) FROM command_key)") > 0;

    // Only when there is none (1), or of a number that nobody has: of two replicas one succeeds.
    private static async Task<bool> MakeKeyAsync(LedgerTransaction transaction, long id)
    {
        using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return await transaction.ExecuteAsync("INSERT INTO command_key (id, private) SELECT @id, @key WHERE @id > 1 OR NOT EXISTS (SELECT 1 FROM command_key) ON CONFLICT (id) DO NOTHING", ("@id", id), ("@key", made.ExportPkcs8PrivateKey())) > 0;
    }
}
