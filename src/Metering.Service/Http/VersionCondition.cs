using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Http;

/// <summary><c>If-Match</c> and <c>If-None-Match</c> of a change. A tag begins with the version of the document; what follows a dash is of the answer it came with, and is not looked at here.</summary>
/// <param name="isThereAlways">The document is an empty one until somebody writes it.</param>
internal sealed class VersionCondition(HttpRequest request, string sql, bool isThereAlways) : IWriteCondition
{
    private bool _isDone;

    /// <summary>The version that the change has made; null: it made none.</summary>
    public string? Made { get; private set; }

    public bool IsGiven => request.Headers.IfMatch.Count > 0 || request.Headers.IfNoneMatch.Count > 0;

    /// <summary>Whether each tag is one, <c>"…"</c>, or all there is is <c>*</c>.</summary>
    public bool IsReadable => Readable(Tags(request.Headers.IfMatch)) && Readable(Tags(request.Headers.IfNoneMatch));

    public async Task BeforeAsync(LedgerTransaction transaction)
    {
        if (_isDone || !IsGiven) return;
        var present = await VersionAsync(transaction.Command(transaction.Store.IsPostgres ? sql + " FOR UPDATE" : sql, Parameters(request, sql)!), isThereAlways, CancellationToken.None);

        // What is not there is told as that.
        if (present is null && HttpMethods.IsDelete(request.Method)) return;
        if (Tags(request.Headers.IfMatch) is { Count: > 0 } wanted && !wanted.Any(tag => Is(tag, present, isWeakFine: false)))
        {
            throw new VersionChangedException(present is null
                ? "There is no such thing any more, or not yet; send the request without If-Match to make it."
                : "It was changed since it was read; read it again, make the change to what it is now, and send that with its ETag as If-Match.");
        }

        if (Tags(request.Headers.IfNoneMatch).Any(tag => Is(tag, present, isWeakFine: true)))
            throw new VersionChangedException("It is there already; read it, and send its ETag as If-Match to change it.");
    }

    public async Task AfterAsync(LedgerTransaction transaction)
    {
        if (!_isDone && !HttpMethods.IsDelete(request.Method)) Made = await VersionAsync(transaction.Command(sql, Parameters(request, sql)!), isThereAlways, CancellationToken.None);
    }

    public void Committed() => _isDone = true;

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

    private static List<string> Tags(Microsoft.Extensions.Primitives.StringValues header) => [.. header.SelectMany(one => (one ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    private static bool Readable(List<string> tags) => tags is ["*"] || tags.TrueForAll(tag => tag.StartsWith("W/", StringComparison.Ordinal) ? IsQuoted(tag[2..]) : IsQuoted(tag));

    private static bool IsQuoted(string tag) => tag.Length >= 2 && tag[0] == '"' && tag[^1] == '"' && !tag[1..^1].Contains('"', StringComparison.Ordinal);

    private static bool Is(string tag, string? present, bool isWeakFine)
    {
        if (tag == "*") return present is not null;
        if (tag.StartsWith("W/", StringComparison.Ordinal))
        {
            if (!isWeakFine) return false;
            tag = tag[2..];
        }

        return present is not null && tag.Trim('"').Split('-')[0] == present;
    }
}
