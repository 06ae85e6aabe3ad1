using System.Text.Json;
using System.Text.Json.Serialization;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Metering.Service.Applying;

/// <summary>Puts several documents in one transaction: all of them, or none and every fault of each, by the place of the document and the field in it (<c>documents[2].timeZone</c>).</summary>
internal static class DocumentApply
{
    private const int MaxDocuments = 10_000;

    // As strict as the body of a PUT.
    private static readonly JsonSerializerOptions Strict = new(LedgerJson.Options) { UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false };

    /// <param name="versions">What <c>ifMatch</c> of a document is of.</param>
    /// <param name="check">True to tell the faults and change nothing.</param>
    /// <param name="after">What is done once for all of them, when none has a fault; null: nothing.</param>
    /// <param name="put">Puts one; throws <see cref="RuleBrokenException"/> with its faults. Told of all that are to be put, since some are judged beside each other.</param>
    public static async Task<Results<NoContent, ProblemHttpResult>> RunAsync<T>(
        ApplyRequest request, bool? check, LedgerStore store, DocumentVersions versions, Func<LedgerTransaction, string, T, IReadOnlyList<(string Id, T Body)>, Task> put, CancellationToken cancel, Func<LedgerTransaction, Task>? after = null)
        where T : class
    {
        if (request.Documents.Count > MaxDocuments) return Problems.Invalid($"There are {request.Documents.Count} documents; at most {MaxDocuments} are taken at once.");
        var faults = new List<Fault>();
        var bodies = new (string Id, T Body)?[request.Documents.Count];
        for (var i = 0; i < bodies.Length; i++) bodies[i] = Read<T>(request.Documents[i], $"documents[{i}]", faults);
        IReadOnlyList<(string Id, T Body)> all = [.. bodies.OfType<(string, T)>()];
        List<Fault> changed = [];
        try
        {
            await store.WriteAsync(async transaction =>
            {
                // Before any is put: a request may have a document twice, and of one that is another one now that is all there is to tell.
                if (faults.Count == 0) changed = await versions.ChangedAsync(transaction, request.Documents);
                if (changed.Count > 0) throw new VersionChangedException(string.Join(" ", changed));
                for (var i = 0; i < bodies.Length; i++)
                {
                    if (bodies[i] is not { } one) continue;
                    try
                    {
                        await put(transaction, one.Id, one.Body, all);
                    }
                    catch (RuleBrokenException refused)
                    {
                        faults.AddRange(refused.Faults.Select(fault => fault with { Field = Join($"documents[{i}]", fault.Field) }));
                    }
                }

                if (faults.Count > 0 || check == true) throw new RuleBrokenException(faults);
                if (after is not null) await after(transaction);
            }, cancel);
        }
        catch (VersionChangedException)
        {
            return Problems.Changed(changed);
        }
        catch (RuleBrokenException refused) when (refused.Faults.Count > 0)
        {
            return Problems.Rule(refused.Faults);
        }
        catch (RuleBrokenException)
        {
            // Nothing was wrong, and nothing is kept.
        }

        return TypedResults.NoContent();
    }

    private static (string, T)? Read<T>(ApplyRequest.Entry? entry, string at, List<Fault> faults)
        where T : class
    {
        if (entry?.Id is null)
        {
            faults.Add(new Fault(at + ".id", "is missing."));
            return null;
        }

        if (DocumentVersions.Tags(entry) is { IsReadable: false })
        {
            faults.Add(new Fault(at + ".ifMatch", "and ifNoneMatch are '*' or tags in quotes, as the ETag of an answer has them."));
            return null;
        }

        try
        {
            if (entry.Body.ValueKind == JsonValueKind.Object && entry.Body.Deserialize<T>(Strict) is { } body) return (entry.Id, body);
            faults.Add(new Fault(at, "has no fields."));
        }
        catch (JsonException e)
        {
            var (field, what) = JsonFault.Of(e);
            faults.Add(new Fault(Join(at, field.TrimStart('$').TrimStart('.')), what));
        }

        return null;
    }

    private static string Join(string at, string field) => field.Length == 0 ? at : field[0] == '[' ? at + field : at + "." + field;
}
