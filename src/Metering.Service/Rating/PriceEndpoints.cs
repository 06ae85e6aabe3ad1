using System.Text.Json;
using Metering.Service.Access;
using Metering.Service.Ledger;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Rating;

/// <summary><c>/v1/price-books</c>.</summary>
internal static class PriceEndpoints
{
    internal sealed record BookView(string Book, IReadOnlyList<int> Versions);

    public static void MapPrices(this IEndpointRouteBuilder routes)
    {
        var books = routes.MapGroup("/v1/price-books").WithTags("Prices");
        books.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The price books and their versions");
        books.MapGet("/{id}/versions/{number:int}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One version");
        books.MapPut("/{id}/versions/{number:int}", Put).RequireAuthorization(Roles.MayManage).WithSummary("Makes or replaces a version");
    }

    private static async Task<Ok<List<BookView>>> List(LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var rows = await context.Set<StoredPriceVersion>().AsNoTracking().Select(row => new { row.Book, row.Version }).ToListAsync(cancel);
        return TypedResults.Ok(rows.GroupBy(row => row.Book).OrderBy(book => book.Key, StringComparer.Ordinal).Select(book => new BookView(book.Key, [.. book.Select(row => row.Version).Order()])).ToList());
    }

    private static async Task<Results<Ok<PriceVersion>, ProblemHttpResult>> Get(string id, int number, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(cancel);
        var row = await context.Set<StoredPriceVersion>().AsNoTracking().FirstOrDefaultAsync(version => version.Book == id && version.Version == number, cancel);
        return row is null ? Problems.Unknown("version", $"{id}/{number}") : TypedResults.Ok(Read(row));
    }

    private static async Task<Results<Ok<PriceVersion>, ProblemHttpResult>> Put(string id, int number, PriceVersion version, LedgerStore store, LedgerOptions options, CancellationToken cancel)
    {
        if (id.Length is 0 or > 64 || number < 1) return Problems.Rule(["A price book has an id of 1 to 64 characters, a version a number from 1."]);
        var faults = await store.WriteAsync(async transaction =>
        {
            var stored = await transaction.Context.Set<StoredPriceVersion>().Where(row => row.Book == id).ToListAsync(cancel);
            var found = PriceRules.Check(version, options.GrainSeconds, stored.Where(row => row.Version != number).Select(row => (row.Version, Read(row))));
            if (found.Count > 0) return found;
            var known = stored.Find(row => row.Version == number);
            if (known is null) transaction.Context.Add(known = new StoredPriceVersion { Book = id, Version = number });
            known.Json = JsonSerializer.Serialize(version, LedgerJson.Options);
            await transaction.Context.SaveChangesAsync(cancel);
            await LedgerSnapshot.RaiseAsync(transaction);
            return found;
        }, cancel);
        return faults.Count > 0 ? Problems.Rule(faults) : TypedResults.Ok(version);
    }

    private static PriceVersion Read(StoredPriceVersion row) => JsonSerializer.Deserialize<PriceVersion>(row.Json, LedgerJson.Options)!;
}
