using System.Globalization;
using System.Security.Claims;
using Metering.Service.Access;
using Metering.Service.Applying;
using Metering.Service.Http;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;

namespace Metering.Service.Rating;

/// <summary><c>/v1/price-books</c>.</summary>
internal static class PriceEndpoints
{
    private const int MaxPeriods = 24;
    private const string VersionSql = "SELECT json FROM price_version WHERE book = @id AND version = @number";

    internal sealed record BookView(string Book, IReadOnlyList<int> Versions);

    public static void MapPrices(this IEndpointRouteBuilder routes)
    {
        var books = routes.MapGroup("/v1/price-books").WithTags("Prices");
        books.MapGet("/", List).RequireAuthorization(Roles.MayRead).WithSummary("The price books and their versions").AsList();
        books.MapGet("/{id}/versions/{number:int}", Get).RequireAuthorization(Roles.MayRead).WithSummary("One version").WithVersion(VersionSql);
        books.MapPut("/{id}/versions/{number:int}", Put).RequireAuthorization(Roles.MayManage)
            .WithSummary("Makes or replaces a version; one that has started keeps its prices, only its end can move. force=true takes a start or an end in the past").WithVersion(VersionSql);
        books.MapPost("/{id}/apply", Apply).RequireAuthorization(Roles.MayManage).WithSummary("Makes or replaces several versions, all or none; check=true only tells the faults; the id of each is its number");
        books.MapPost("/{id}/dry-run", DryRun).RequireAuthorization(Roles.MayManage).WithSummary("What the last periods would have cost by a draft, and the difference, by tenant; changes nothing");
    }

    private static async Task<Ok<List<BookView>>> List(Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        var mine = await BooksAsync(caller, context, cancel);
        var rows = await context.Set<StoredPriceVersion>().AsNoTracking().Where(row => mine == null || mine.Contains(row.Book)).Select(row => new { row.Book, row.Version }).ToListAsync(cancel);
        return TypedResults.Ok(rows.GroupBy(row => row.Book).OrderBy(book => book.Key, StringComparer.Ordinal).Select(book => new BookView(book.Key, [.. book.Select(row => row.Version).Order()])).ToList());
    }

    private static async Task<Results<Ok<PriceVersion>, ProblemHttpResult>> Get(string id, int number, Caller caller, LedgerStore store, CancellationToken cancel)
    {
        await using var context = await store.ReadContextAsync(caller, cancel);
        if (await BooksAsync(caller, context, cancel) is { } mine && !mine.Contains(id)) return Problems.Unknown("version", $"{id}/{number}");
        var row = await context.Set<StoredPriceVersion>().AsNoTracking().FirstOrDefaultAsync(version => version.Book == id && version.Version == number, cancel);
        return row is null ? Problems.Unknown("version", $"{id}/{number}") : TypedResults.Ok(row.Read());
    }

    // What others are charged by is no tenant's business: its own book and those of its contract; null: all.
    private static async Task<List<string>?> BooksAsync(Caller caller, MeteringContext context, CancellationToken cancel)
    {
        if (caller.Tenant is not { } tenant) return null;
        var books = await context.Set<Tenant>().Where(one => one.Id == tenant).Select(one => one.PriceBook).ToListAsync(cancel);
        if (await context.Set<StoredContract>().AsNoTracking().FirstOrDefaultAsync(one => one.Tenant == tenant, cancel) is { } stored) books.AddRange(stored.Read().Terms.Select(terms => terms.PriceBook).OfType<string>());
        return books;
    }

    private static async Task<Results<Ok<PriceVersion>, ProblemHttpResult>> Put(string id, int number, PriceVersion version, bool? force, ClaimsPrincipal user, PriceChange change, CancellationToken cancel)
    {
        if (!IsId(id) || number < 1) return Problems.Rule(["A price book has an id of 1 to 64 characters without '/', a version a number from 1."]);
        try
        {
            await change.PutAsync(id, number, version, force ?? false, user, cancel);
            return TypedResults.Ok(version);
        }
        catch (RuleBrokenException refused)
        {
            return Problems.Rule(refused.Faults);
        }
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Apply(string id, ApplyRequest request, bool? check, bool? force, ClaimsPrincipal user, LedgerStore store, PriceChange change, CancellationToken cancel) =>
        DocumentApply.RunAsync<PriceVersion>(request, check, store, new DocumentVersions(VersionSql, version => Number(version) is { } number ? [("@id", id), ("@number", number)] : null), (transaction, version, body, all) =>
        {
            if (!IsId(id) || Number(version) is not { } number) throw new RuleBrokenException([new Fault("version", "is a whole number from 1, of a price book with an id of 1 to 64 characters without '/'.")]);
            return change.PutAsync(transaction, id, number, body, [.. all.Where(one => Number(one.Id) is not null).Select(one => (Number(one.Id)!.Value, one.Body))], force ?? false, user, cancel);
        }, cancel);

    // A slash comes as it was written, so that such a book could be made and never be found.
    private static bool IsId(string id) => id.Length is > 0 and <= 64 && !id.Contains('/', StringComparison.Ordinal) && !id.Contains("%2F", StringComparison.OrdinalIgnoreCase);

    private static int? Number(string version) => int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 ? number : null;

    private static async Task<Results<Ok<DryRunAnswer>, ProblemHttpResult>> DryRun(string id, DryRunDraft draft, int? periods, DryRun dryRun, CancellationToken cancel)
    {
        if (periods is < 1 or > MaxPeriods) return Problems.Invalid($"'periods' is {periods}; it is 1 to {MaxPeriods}.");
        var (answer, faults) = await dryRun.RunAsync(id, draft, periods ?? 1, cancel);
        return answer is null ? Problems.Rule(faults) : TypedResults.Ok(answer);
    }
}
