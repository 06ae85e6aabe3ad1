using System.Text.Json;
using Metering.Service;
using Metering.Service.Alerts;
using Xunit;

namespace Metering.Tests.Alerts;

public sealed class EndpointReaderTests
{
    [Theory]
    [InlineData("""{"url":"https://hooks.example.com/x"}""")]
    [InlineData("""{"url":"https://hooks.example.com/x","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","route":{"tenant":["acme"],"severity":["critical"],"label":{"team":"data*"}},"groupBy":["tenant"],"groupWait":"30s","repeat":"4h"}""")]
    [InlineData("""{"channel":"alertmanager","url":"https://am.example.com","user":"u","password":"p","title":"{status} {labels.team}","text":"{{x}} {window.end}"}""")]
    [InlineData("""{"channel":"email","server":"smtp.example.com:587","from":"a@example.com","to":["b@example.com"],"user":"u:v","password":"p"}""")]
    [InlineData("""{"channel":"pagerduty","routingKey":"0123456789abcdef0123456789abcdef","ordered":false,"sendResolved":false}""")]
    [InlineData("""{"channel":"log","file":"alerts.jsonl","route":{}}""")]
    public void What_a_channel_takes_is_taken(string document) => Assert.Empty(Faults(document));

    [Theory]
    [InlineData("[]", "")]
    [InlineData("{}", "url")]
    [InlineData("""{"channel":"fax","url":"https://a.example.com"}""", "channel")]
    [InlineData("""{"url":"https://u:p@a.example.com:22","secret":"whsec_short","nonsense":1,"file":"x","groupWait":"2h","repeat":"1s","sendResolved":"yes","to":["a@b"]}""", "file groupWait nonsense repeat secret sendResolved to url url")]
    [InlineData("""{"url":"gopher://a.example.com"}""", "url")]
    [InlineData("""{"url":"https://127.1/"}""", "url url")]
    [InlineData("""{"url":"https://a.example.com","secret":"hunter2hunter2"}""", "secret")]
    [InlineData("""{"url":"https://a.example.com","route":{"tenant":"acme","severity":["bad"],"label":{"a":1},"x":1}}""", "route.label route.tenant route.x")]
    [InlineData("""{"url":"https://a.example.com","route":{"severity":["bad"]}}""", "route.severity")]
    [InlineData("""{"channel":"slack","url":"https://a.example.com","title":"{nothing}","text":"{"}""", "text title")]
    [InlineData("""{"channel":"alertmanager","url":"https://a.example.com/api/v2/alerts","user":"u","token":"t t"}""", "password token token url")]
    [InlineData("""{"channel":"pagerduty","routingKey":"short","groupBy":["tenant"],"url":"ftp://a"}""", "groupBy routingKey url")]
    [InlineData("""{"channel":"email","server":"u@smtp.example.com:22","security":"ssl","from":"nobody","to":["a@b.example","x"]}""", "from security server to[1]")]
    [InlineData("""{"channel":"email","server":"0x7f.1","security":"none","from":"a@b.example","to":[],"user":"u","password":"p"}""", "security server to")]
    [InlineData("""{"channel":"email","server":"10.0.0.1:22","from":"a@b.example","to":["a@b.example"]}""", "server server")]
    [InlineData("""{"channel":"log","file":"../passwd"}""", "file")]
    public void Every_fault_is_told_at_once(string document, string fields) => Assert.Equal(fields, string.Join(' ', Faults(document).Select(fault => fault.Field).Order(StringComparer.Ordinal)));

    private static List<Fault> Faults(string document)
    {
        using var sample = new ChannelSample(isLoopbackAllowed: false);
        var faults = new List<Fault>();
        new EndpointReader(sample.Catalogue).Read(JsonSerializer.Deserialize<JsonElement>(document), faults);
        return faults;
    }
}
