using Metering.Service.Quotas;
using Metering.Service.Ui;
using Xunit;

namespace Metering.Tests.Pages;

/// <summary>What a form answers: in the words of the page, not of the API.</summary>
public sealed class PageWordsTests
{
    [Theory]
    [InlineData("rules[0].tenant 'x' is unknown, so nobody would be billed; make the tenant first, or repeat it with force=true.", "Rule 1, tenant 'x' is unknown, so nobody would be billed; make the tenant first, or give it to the command with --force.")]
    [InlineData("rules[4].match has no condition; write {\"path\":\"*\"} to match all.", "Rule 5 has no condition; write * as its path to match all.")]
    [InlineData("rules[1].match.path 'x' matches nothing: a path begins with '/' at the cgroup root; write '/x', or '*' for all.", "Rule 2, path 'x' matches nothing: a path begins with '/' at the cgroup root; write '/x', or '*' for all.")]
    [InlineData("subject.tenant 'nobody' is unknown; make it first with PUT /v1/tenants/nobody.", "tenant 'nobody' is unknown; make it first under Tenants.")]
    [InlineData("notify[0] names the webhook 'a.b', which there is not; make it first with PUT /v1/webhooks/a.b.", "Tell 1 names the webhook 'a.b', which there is not; make it first under Settings, Webhooks and channels.")]
    [InlineData("plan 'p/c' is no entry of a plan; make it first with PUT /v1/quota-plans/p.", "plan 'p/c' is no entry of a plan; make it first with 'metering plans apply'.")]
    [InlineData("documents[1].prices[0].tiers[1].upTo is not above 10.", "Price 1, tier 2, upTo is not above 10.")]
    [InlineData("versions[0].prices[2].unit 'x' is none.", "Price 3, unit 'x' is none.")]
    [InlineData("url The URL holds spaces. url This is not an absolute URL.", "The URL holds spaces. This is not an absolute URL.")]
    [InlineData("currency 'EU' is no ISO 4217 code such as EUR.", "currency 'EU' is no ISO 4217 code such as EUR.")]
    public void A_refusal_names_what_the_page_has(string said, string shown) => Assert.Equal(shown, PageWords.Of(said));

    [Theory]
    [InlineData("abc", "The price 'abc' is no number; write it with a point, such as 0.05.")]
    [InlineData("0,04", "The price '0,04' is no number; write it with a point, such as 0.05.")]
    [InlineData("", "The price is missing; write a number, such as 0.05.")]
    [InlineData("-1.5", "The price '-1.5' is below 0; write a number of 0 or more, such as 0.05.")]
    [InlineData("11111111111111111111111111111111111", "The price has 35 digits; 28 are the most.")]
    [InlineData("=1+1", "The price '=1+1' is no number; write it with a point, such as 0.05.")]
    public void What_is_wrong_with_a_number_is_told(string text, string fault)
    {
        Assert.Null(NumberText.Read(text, "price", "0.05", out var said));
        Assert.Equal(fault, said);
    }

    [Fact]
    public void A_number_is_read_with_its_point()
    {
        Assert.Equal(0.05m, NumberText.Read(" 0.05 ", "price", "1", out var fault));
        Assert.Empty(fault);
    }

    // 740 CPU seconds beside a limit of two: not 0.206 core-hours of 2 CPU seconds.
    [Theory]
    [InlineData(740, 2, "740 CPU seconds")]
    [InlineData(60, 360_000, "0.0167 core-hours")]
    public void What_a_quota_came_to_is_in_the_unit_of_its_limit(int value, int limit, string shown) => Assert.Equal(shown, QuotaText.Amount(value, "cpuSeconds", "usage", limit));

    [Fact]
    public void A_cost_is_in_its_currency() => Assert.Equal(("1,234.50 EUR", "2.00 EUR an hour", "3.00"), (QuotaText.Amount(1234.5m, "cost", "usage", 2000, "EUR"), QuotaText.Amount(2, "cost", "rate", null, "EUR"), QuotaText.Amount(3, "cost", "usage")));


    [Fact]
    public void A_limit_is_written_in_a_unit_that_is_named_and_read_back_in_one_that_people_think_in()
    {
        var draft = new QuotaDraft { Meter = "cpuSeconds", Limit = "360000" };
        Assert.Equal(("seconds", "100 core-hours"), (draft.Unit, draft.Readable));
        draft.Limit = "much";
        Assert.Null(draft.Readable);
        draft.Meter = "cost";
        Assert.Equal("", draft.Unit);
    }
}
