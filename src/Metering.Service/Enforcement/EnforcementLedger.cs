using System.Data.Common;
using System.Security.Cryptography;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Units;

namespace Metering.Service.Enforcement;

/// <summary>Tables <c>enforcement</c> and <c>command_key</c>.</summary>
internal static class EnforcementLedger
{
    private const string Columns = "id, quota, host, path, action, value, dry_run, reason, began_at, released_at, released_why";

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
                rows.IsDBNull(9) ? null : UnixTime.FromMicroseconds(rows.GetInt64(9)), rows.IsDBNull(10) ? null : rows.GetString(10)));
        }

        return found;
    }

    /// <summary>False when it was begun before, also when it was released since.</summary>
    public static async Task<bool> BeginAsync(LedgerTransaction transaction, EnforcementRow row) => await transaction.ExecuteAsync($"""
        INSERT INTO enforcement ({Columns}) VALUES (@id, @quota, @host, @path, @action, @value, @dry, @reason, @began, NULL, NULL) ON CONFLICT (id) DO NOTHING
        """, ("@id", row.Id), ("@quota", row.Quota), ("@host", row.Host), ("@path", row.Path), ("@action", row.Action), ("@value", row.Value), ("@dry", row.DryRun ? 1L : 0L), ("@reason", row.Reason), ("@began", row.BeganAt.ToUnixMicroseconds())) > 0;

    public static async Task<bool> ReleaseAsync(LedgerTransaction transaction, string id, string why, DateTimeOffset now) => await transaction.ExecuteAsync(
        "UPDATE enforcement SET released_at = @now, released_why = @why WHERE id = @id AND released_at IS NULL", ("@now", now.ToUnixMicroseconds()), ("@why", why), ("@id", id)) > 0;

    public static Task ChangeValueAsync(LedgerTransaction transaction, string id, long value) =>
        transaction.ExecuteAsync("UPDATE enforcement SET value = @value WHERE id = @id", ("@value", value), ("@id", id));

    /// <summary>The key of this installation, made at its first use; replicas have the same one.</summary>
    public static async Task<ECDsa> KeyAsync(LedgerStore store, CancellationToken cancel)
    {
        var key = await store.WriteAsync(async transaction =>
        {
            if (await transaction.Command("SELECT private FROM command_key WHERE id = 1").ExecuteScalarAsync(cancel) is byte[] stored) return stored;
            using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            await transaction.ExecuteAsync("INSERT INTO command_key (id, private) VALUES (1, @key) ON CONFLICT (id) DO NOTHING", ("@key", made.ExportPkcs8PrivateKey()));
            return (byte[])(await transaction.Command("SELECT private FROM command_key WHERE id = 1").ExecuteScalarAsync(cancel))!;
        }, cancel);
        var opened = ECDsa.Create();
        opened.ImportPkcs8PrivateKey(key, out _);
        return opened;
    }
}
