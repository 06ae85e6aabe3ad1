using System.Security.Claims;

namespace Metering.Service.Ui;

/// <summary>A price book as the API lists it.</summary>
internal sealed record BookName(string Book)
{
    /// <summary>The names of all.</summary>
    public static async Task<IReadOnlyList<string>> ReadAsync(PageApi api, ClaimsPrincipal user, CancellationToken cancel) =>
        [.. (await api.GetAsync<List<BookName>>(user, "/v1/price-books", cancel)).Select(book => book.Book)];
}
