using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Http;

/// <summary><c>If-Match</c> and <c>If-None-Match</c> of a change.</summary>
/// <param name="isThereAlways">The document is an empty one until somebody writes it.</param>
internal sealed class VersionCondition(HttpRequest request, string sql, bool isThereAlways) : IWriteCondition
{
    private readonly EntityTags _tags = new(request.Headers.IfMatch, request.Headers.IfNoneMatch);
    private bool _isDone;

    /// <summary>The version that the change has made; null: it made none.</summary>
    public string? Made { get; private set; }

    public bool IsGiven => request.Headers.IfMatch.Count > 0 || request.Headers.IfNoneMatch.Count > 0;

    /// <summary>See <see cref="EntityTags.IsReadable"/>.</summary>
    public bool IsReadable => _tags.IsReadable;

    public async Task BeforeAsync(LedgerTransaction transaction)
    {
        if (_isDone || !IsGiven) return;
        var present = await VersionAsync(Locking(transaction, sql, Parameters(request, sql)), isThereAlways, CancellationToken.None);

        // What is not there is told as that.
        if (present is null && HttpMethods.IsDelete(request.Method)) return;
        if (_tags.Refusal(present) is { } refusal) throw new VersionChangedException(refusal);
    }

    public async Task AfterAsync(LedgerTransaction transaction)
    {
        if (!_isDone && !HttpMethods.IsDelete(request.Method)) Made = await VersionAsync(transaction.Command(sql, Parameters(request, sql)!), isThereAlways, CancellationToken.None);
    }

    public void Committed() => _isDone = true;

    /// <summary>Reads what is to be changed, so that nobody else changes it before this transaction ends.</summary>
    public static DbCommand Locking(LedgerTransaction transaction, string sql, (string Name, object Value)[] parameters) => transaction.Command(transaction.Store.IsPostgres ? sql + " FOR UPDATE" : sql, parameters!);

    /// <summary>The version of what the command reads, one row at most; null: there is none.</summary>
    public static async Task<string?> VersionAsync(DbCommand command, bool isThereAlways, CancellationToken cancel)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        if (!await rows.ReadAsync(cancel)) return isThereAlways ? "0" : null;
        for (var i = 0; i < rows.FieldCount; i++) sha.AppendData(Encoding.UTF8.GetBytes(rows.IsDBNull(i) ? "\0" : Convert.ToString(rows[i], System.Globalization.CultureInfo.InvariantCulture) + "\u0001"));
        return Convert.ToHexStringLower(sha.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>What the route says of which document it is: <c>id</c>, and <c>number</c> of a version.</summary>
    public static (string Name, object Value)[] Parameters(HttpRequest request, string sql) =>
    [
        .. request.RouteValues.Where(value => sql.Contains("@" + value.Key, StringComparison.Ordinal))
            .Select(value => ("@" + value.Key, value.Key == "number" ? (object)int.Parse((string)value.Value!, System.Globalization.CultureInfo.InvariantCulture) : value.Value!)),
    ];
}
