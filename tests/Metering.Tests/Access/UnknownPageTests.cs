using System.Net;
using Xunit;

namespace Metering.Tests.Access;

/// <summary>An address that is none of ours: a page for a browser, a problem document for a program.</summary>
public sealed class UnknownPageTests
{
    [Fact]
    public async Task A_browser_gets_a_page_that_leads_on_and_a_program_a_problem()
    {
        await using var service = await RunningService.StartAsync();
        const string browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

        var page = await service.SendAsync("GET", "explorer", null, service.AdminKey, ("Accept", browser));
        Assert.Equal(HttpStatusCode.NotFound, page.Status);
        Assert.Contains("No such page", page.Text, StringComparison.Ordinal);
        Assert.Contains("href=\"/\"", page.Text, StringComparison.Ordinal);

        foreach (var accept in new[] { "application/json", "*/*" })
        {
            var problem = await service.SendAsync("GET", "explorer", null, service.AdminKey, ("Accept", accept));
            Assert.Equal(HttpStatusCode.NotFound, problem.Status);
            Assert.Contains("urn:metering:problem:unknown", problem.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_price_book_that_no_address_would_find_is_not_made()
    {
        await using var service = await RunningService.StartAsync();
        var version = new { currency = "EUR", prices = new[] { new { meter = "cpuSeconds", unit = "Core-Hours", price = 1 } } };

        var refused = await service.SendAsync("PUT", "v1/price-books/a%2Fb/versions/1", version, service.AdminKey);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Status);
        Assert.Contains("without '/'", refused.Text, StringComparison.Ordinal);

        var taken = await service.SendAsync("PUT", "v1/price-books/a%3Cb/versions/1", version, service.AdminKey);
        Assert.Equal(HttpStatusCode.OK, taken.Status);
    }
}
